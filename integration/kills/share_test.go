package main

import (
	"slices"
	"testing"
)

func TestKillsAreShared(t *testing.T) {
	for _, test := range []struct {
		name           string
		kills, victims int
		want           []int
	}{
		{"evenly", 20, 4, []int{5, 5, 5, 5}},
		{"the first ones get what is left", 6, 4, []int{2, 2, 1, 1}},
		{"a single one", 1, 4, []int{1, 0, 0, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := share(test.kills, test.victims); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
	}{
		{"an unknown flag is a usage error", []string{"-gently"}},
		{"no kills are no trial", []string{"-kills", "0"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := command(test.args, t.Output(), t.Output()); got != 2 {
				t.Errorf("got exit %d, want 2", got)
			}
		})
	}
}
