package journal

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The names of files that are not segments.
const (
	keyFile      = "key"
	writeLock    = "write.lock"
	maintainLock = "maintain.lock"
	unfinished   = ".tmp" // at the end of what is being written
)

// directory is where a journal is kept. Nobody else may read it: 0700, and 0600
// for each file.
type directory struct {
	path     string
	uid, gid int // whose it is
}

// findDirectory takes a directory that is there.
func findDirectory(path string) (directory, error) {
	info, err := os.Stat(path)
	if err != nil {
		return directory{}, err
	}
	if !info.IsDir() {
		return directory{}, fmt.Errorf("%s is not a directory", path)
	}
	d := directory{path: path, uid: -1, gid: -1}
	if st, known := info.Sys().(*syscall.Stat_t); known {
		d.uid, d.gid = int(st.Uid), int(st.Gid)
	}
	return d, nil
}

// openDirectory makes what is missing, and finds out whether one can write there.
// The parent is not made: a path that is mistyped should be an error, and where
// /var/lib belongs to root, a service manager makes it (StateDirectory=).
func openDirectory(path string) (directory, []byte, error) {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return directory{}, nil, err
	}
	d, err := findDirectory(path)
	if err != nil {
		return d, nil, err
	}
	key, err := d.makeKey()
	if err != nil {
		return d, nil, err
	}
	for _, name := range []string{writeLock, maintainLock} {
		unlock, err := d.tryLock(name)
		switch {
		case err == nil:
			unlock()
		case !errors.Is(err, errLocked):
			return d, nil, err
		}
	}
	return d, key, nil
}

func (d directory) file(name string) string { return filepath.Join(d.path, name) }

// create makes a file. It belongs to whoever the directory belongs to: root may
// erase or be the first to serve, and the daemon must be able to go on.
func (d directory) create(name string, flags int) (*os.File, error) {
	f, err := os.OpenFile(d.file(name), flags|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := d.give(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (d directory) give(f *os.File) error {
	if os.Geteuid() != 0 || d.uid <= 0 {
		return nil
	}
	return f.Chown(d.uid, d.gid)
}

// maxKey bounds what is read of a key's file; a key is 64 characters.
const maxKey = 4096

// makeKey reads the key, or makes it. Of two processes that make one, the first
// one wins.
func (d directory) makeKey() ([]byte, error) {
	key, err := d.readKey()
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, err
	}
	temporary := keyFile + rand.Text() + unfinished
	f, err := d.create(temporary, os.O_EXCL)
	if err != nil {
		return nil, err
	}
	defer os.Remove(d.file(temporary))
	_, err = fmt.Fprintln(f, hex.EncodeToString(random[:]))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(d.file(temporary), d.file(keyFile)); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return d.readKey()
}

// readKey refuses a key that is none. A short or empty one would make hashes that
// anybody can make.
func (d directory) readKey() ([]byte, error) {
	info, err := os.Stat(d.file(keyFile))
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKey {
		return nil, fmt.Errorf("%s is no key: %d bytes", d.file(keyFile), info.Size())
	}
	text, err := os.ReadFile(d.file(keyFile))
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) < 32 {
		return nil, fmt.Errorf("%s is no key: want 64 hexadecimal digits", d.file(keyFile))
	}
	return key, nil
}
