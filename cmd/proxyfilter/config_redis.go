package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"proxyfilter/filter/store/redis"
)

// redisServer is where redis is: as it was written, with a password maybe, and what
// that means. Nothing was written where Network is empty.
type redisServer struct {
	written string // the URL, or the name of its file
	redis.Server
}

const redisForm = `"redis://[:PASSWORD@]HOST:6379/0", "rediss://…" for TLS, or "unix:///run/redis/redis.sock?db=0"`

// redisURL is the value of a key that is such a URL.
type redisURL struct{ to *redisServer }

func (v redisURL) allowed() string { return redisForm + ", or nothing" }
func (v redisURL) String() string  { return quote(withoutPassword(v.to.written)) }

// content tells two URLs apart that differ in the password.
func (v redisURL) content() string { return v.to.written }

// set never repeats what was written: a password is in it, and may be what is wrong.
func (v redisURL) set(l literal) error {
	s, err := scalar(l, kindText)
	if err != nil {
		return wrongf("write it in quotation marks", "this is no text")
	}
	server := redisServer{written: s}
	if s != "" {
		if server.Server, err = redis.ParseURL(s); err != nil {
			return wrongf("", "the URL is wrong: %v", err)
		}
	}
	*v.to = server
	return nil
}

// redisURLFile is the value of a key that names a file with such a URL in it.
type redisURLFile struct {
	to  *redisServer
	dir *string // relative names begin here
}

func (v redisURLFile) allowed() string {
	return "the name of a file that holds " + redisForm + ", or nothing"
}
func (v redisURLFile) String() string { return quote(v.to.written) }

// content tells two files of one name apart.
func (v redisURLFile) content() string { return fmt.Sprintf("%s %+v", v.to.written, v.to.Server) }

func (v redisURLFile) set(l literal) error {
	s, err := scalar(l, kindText)
	switch {
	case err != nil:
		return err
	case strings.Contains(s, "://"):
		return wrongf("write it into a file, or store.url", "this is a URL, and no name of a file")
	}
	server := redisServer{written: s}
	if s != "" {
		if server.Server, err = v.read(s); err != nil {
			return err
		}
	}
	*v.to = server
	return nil
}

func (v redisURLFile) read(name string) (redis.Server, error) {
	data, err := readBounded(v.path(name))
	if err != nil {
		return redis.Server{}, wrongf("", "file %s: %s", quote(name), reasonOf(err))
	}
	server, err := redis.ParseURL(strings.TrimSpace(string(data)))
	if err != nil {
		return redis.Server{}, wrongf("", "file %s: the URL is wrong: %v", quote(name), err)
	}
	return server, nil
}

func (v redisURLFile) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(*v.dir, name)
}

// withoutPassword is a text in which the user and the password of a URL cannot be
// read. It goes up to the last "@": a password that was not escaped may have one.
func withoutPassword(s string) string {
	begin, end := strings.Index(s, "://"), strings.LastIndexByte(s, '@')
	if begin < 0 || end < begin {
		return s
	}
	return s[:begin] + "://***" + s[end:]
}

// server is the redis of kind "redis".
func (s storeConfig) server() redis.Server {
	if s.URL.Network != "" {
		return s.URL.Server
	}
	return s.URLFile.Server
}

// withoutFile takes the default of store.path away where it does not apply.
func (l *loader) withoutFile() {
	if _, chosen := l.origins["store.path"]; l.Store.Kind == "redis" && !chosen {
		l.Store.Path = ""
	}
}

// checkStore wants what the kind of store needs, and nothing of the other kind.
func (l *loader) checkStore() {
	s := &l.Store
	byURL, byFile := s.URL.Network != "", s.URLFile.Network != ""
	if s.Kind != "redis" {
		if byURL {
			l.conflict(`write store.kind = "redis"`, `store.url is for store.kind "redis"`, "store.kind", "store.url")
		}
		if byFile {
			l.conflict(`write store.kind = "redis"`, `store.url_file is for store.kind "redis"`, "store.kind", "store.url_file")
		}
		return
	}
	switch {
	case byURL && byFile:
		l.conflict("remove one of them", "store.url and store.url_file both say where redis is", "store.url", "store.url_file")
	case !byURL && !byFile:
		l.conflict(`write store.url = "redis://127.0.0.1:6379/0", or name a file with store.url_file`,
			`store.kind is "redis", and nothing says where that is`, "store.kind", "store.url", "store.url_file")
	}
	if s.Path != "" {
		l.conflict(`remove it, or write ""`, `store.path is the file of store.kind "embedded", and there is none with "redis"`, "store.kind", "store.path")
	}
	l.checkPassword()
}

// checkPassword warns of a password that others can read, on the disk or on the way.
func (l *loader) checkPassword() {
	s := l.Store.server()
	if s.Password == "" {
		return
	}
	host, _, _ := net.SplitHostPort(s.Address)
	if s.Network == "tcp" && s.TLS == nil && !hostIP(host).IsLoopback() {
		l.warn("use rediss://", "the password of redis goes over the network as it is", "store.url", "store.url_file")
	}
	if file := l.Store.URLFile.written; file != "" {
		info, err := os.Stat(redisURLFile{&l.Store.URLFile, &l.dir}.path(file))
		if err == nil && info.Mode().Perm()&0o007 != 0 {
			l.warn("chmod 0640 it, and let the daemon's group read it", "store.url_file has a password, and everybody on this host can read it", "store.url_file")
		}
	}
}
