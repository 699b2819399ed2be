package rig

import (
	"net"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Another opening of the file is what another process has, and another site of this one.
func TestAPortIsGivenOnce(t *testing.T) {
	list, err := FreeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := net.SplitHostPort(list[0])
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	other, err := reservations()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	if again, err := reserve(other, port); again || err != nil {
		t.Errorf("%d is given again (%v)", port, err)
	}
	free := 1<<20 + os.Getpid() // no port, and nobody else's
	if got, err := reserve(other, free); !got || err != nil {
		t.Errorf("a free one: %v (%v)", got, err)
	}
}
