package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is the path of an installed program. Mail programs live in /usr/sbin,
// which is not in everybody's PATH. An unknown one comes back as it is.
func Program(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return name
}

// Lacking says why these programs cannot be used here, or is nil. Postfix needs
// root, also for a private instance: master(8) changes user.
func Lacking(names ...string) error {
	var missing []string
	var errs []error
	for _, name := range names {
		if path := Program(name); !filepath.IsAbs(path) {
			missing = append(missing, name)
		} else if name == "postfix" && os.Geteuid() != 0 {
			errs = append(errs, errors.New("a private Postfix can be started by root only"))
		}
	}
	if missing != nil {
		errs = append(errs, fmt.Errorf("not installed: %s (integration/install.sh gets them)", strings.Join(missing, ", ")))
	}
	return errors.Join(errs...)
}

// Root is the directory of the project, above the working directory.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
