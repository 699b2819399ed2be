//go:build race

package filter_test

// raceDetector makes everything ten times slower.
const raceDetector = true
