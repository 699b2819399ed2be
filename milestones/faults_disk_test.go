package milestones

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"proxyfilter/integration/faults"
	"proxyfilter/relay"
)

// hung is how long a disk says nothing: longer than any clock of ours.
const hung = 10 * time.Minute

// disk makes files without a name, real ones, that fail as the cell says.
type disk struct {
	dir     string
	scanned func() bool // spamd has answered
	ill
}

// ill is what has a fault at present, or none.
type ill struct {
	mu    sync.Mutex
	fault faults.Cell // the zero Cell: none
}

func (i *ill) become(c faults.Cell) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fault = c
}

// at is the fault, if this is its stage.
func (i *ill) at(s faults.Stage) faults.Fault {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.fault.Stage != s {
		return ""
	}
	return i.fault.Fault
}

func (d *disk) create() (relay.File, error) {
	failure := func(errno error) (relay.File, error) {
		return nil, &os.PathError{Op: "open", Path: d.dir, Err: errno}
	}
	switch d.at(faults.Create) {
	case faults.IOError:
		return failure(syscall.EIO)
	case faults.Full:
		return failure(syscall.ENOSPC)
	case faults.NoFiles:
		return failure(syscall.EMFILE)
	case faults.Silence:
		time.Sleep(hung)
	}
	f, err := os.CreateTemp(d.dir, "")
	if err != nil {
		return nil, err
	}
	return &file{File: f, disk: d}, os.Remove(f.Name())
}

// file is one of them.
type file struct {
	*os.File
	disk *disk

	mu    sync.Mutex
	reads int
}

// Write fails in the middle of what it was given.
func (f *file) Write(p []byte) (int, error) {
	half := func(errno error) (int, error) {
		n, _ := f.File.Write(p[:len(p)/2])
		return n, &os.PathError{Op: "write", Path: "spool", Err: errno}
	}
	switch f.disk.at(faults.Write) {
	case faults.IOError:
		return half(syscall.EIO)
	case faults.Full:
		return half(syscall.ENOSPC)
	case faults.WrongLength: // it lies
		n, err := f.File.Write(p[:len(p)/2])
		return n + len(p) - len(p)/2, err
	case faults.Silence:
		time.Sleep(hung)
	case faults.Drip:
		time.Sleep(time.Second)
	}
	return f.File.Write(p)
}

// ReadAt fails from the read on that the stage means: the first one is for the
// header, and those behind spamd's answer are for A.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.mu.Lock()
	f.reads++
	first := f.reads == 1
	f.mu.Unlock()
	stage := faults.ReadScan
	switch {
	case first:
		stage = faults.ReadHeader
	case f.disk.scanned():
		stage = faults.ReadCarry
	}
	switch f.disk.at(stage) {
	case faults.IOError:
		return 0, &os.PathError{Op: "read", Path: "spool", Err: syscall.EIO}
	case faults.WrongLength:
		n, _ := f.File.ReadAt(p[:len(p)/2], off)
		return n, io.EOF
	case faults.Silence:
		time.Sleep(hung)
	case faults.Drip:
		time.Sleep(time.Second)
	}
	return f.File.ReadAt(p, off)
}
