package main

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocketPath is the room in sockaddr_un on Linux, less the closing NUL.
const maxSocketPath = 107

// parseUnix reads "unix:/path", and for listening also ",mode=0660,group=NAME".
func parseUnix(s string, u use) (address, error) {
	path, attributes, _ := strings.Cut(strings.TrimPrefix(s, "unix:"), ",")
	if !filepath.IsAbs(path) || len(path) > maxSocketPath {
		return address{}, wrongf("", "%s is not an absolute path of at most %d characters", quote(s), maxSocketPath)
	}
	a := address{Network: "unix", Addr: path}
	if attributes == "" {
		return a, nil
	}
	if u == forConnecting {
		return address{}, wrongf("write "+quote("unix:"+path), "%s: mode and group are for listening", quote(s))
	}
	for attribute := range strings.SplitSeq(attributes, ",") {
		name, v, _ := strings.Cut(strings.TrimSpace(attribute), "=")
		switch name {
		case "mode":
			mode, err := strconv.ParseUint(v, 8, 9)
			if err != nil || mode == 0 {
				return address{}, wrongf("", "%s: %s is not an octal mode such as 0660", quote(s), quote(v))
			}
			a.Mode = fs.FileMode(mode)
		case "group":
			if v == "" {
				return address{}, wrongf("", "%s: group needs a name or a number", quote(s))
			}
			a.Group = v
		default:
			return address{}, wrongf(didYouMean(name, []string{"mode", "group"}), "%s: %s is not an attribute of a socket", quote(s), quote(name))
		}
	}
	return a, nil
}
