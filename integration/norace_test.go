//go:build integration && !race

package integration

// raceFlag builds the program as the tests themselves were built.
var raceFlag []string
