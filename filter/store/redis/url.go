package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// Server is where redis is, and who we are there.
type Server struct {
	Network  string // "tcp" or "unix"
	Address  string // host and port, or the path of a socket
	User     string // empty: the default user
	Password string // empty: none
	DB       int
	TLS      *tls.Config // nil: without
}

// maxDB is above any number of databases that anybody sets (redis.conf: 16).
const maxDB = 9999

// maxURL bounds a URL, of which a token may be a part.
const maxURL = 4096

// ParseURL reads "redis://[[user]:password@]host[:port][/db]", the same with
// "rediss" for TLS, or "unix://[[user]:password@]/path[?db=0]".
//
// Its errors do not repeat what was written, because a password is in it.
func ParseURL(s string) (Server, error) {
	if len(s) > maxURL {
		return Server{}, fmt.Errorf("a URL of more than %d bytes", maxURL)
	}
	u, err := url.Parse(s)
	if err != nil {
		return Server{}, errors.New("not a URL (in a password, write / @ : # ? and % as %2F %40 %3A %23 %3F and %25)")
	}
	server, err := credentials(u.User)
	switch {
	case err != nil:
		return Server{}, err
	case u.Opaque != "" || u.Fragment != "":
		return Server{}, errors.New(`not of the form "redis://host:6379/0"`)
	case u.Scheme == "unix":
		return server.socket(u)
	case u.Scheme == "redis", u.Scheme == "rediss":
		return server.host(u)
	}
	return Server{}, errors.New("begins with neither redis:// nor rediss:// nor unix://")
}

// credentials are a user and a password. A user alone is a password whose colon was
// forgotten.
func credentials(u *url.Userinfo) (Server, error) {
	password, given := u.Password()
	if u != nil && (!given || password == "") {
		return Server{}, errors.New("there is a user and no password; a password alone has a colon before it")
	}
	return Server{User: u.Username(), Password: password}, nil
}

func (s Server) host(u *url.URL) (Server, error) {
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	switch {
	case u.Hostname() == "":
		return Server{}, errors.New("names no host")
	case err != nil || n == 0:
		return Server{}, errors.New("the port is not from 1 to 65535")
	case u.RawQuery != "":
		return Server{}, errors.New("options behind ? are not known here")
	}
	s.Network, s.Address = "tcp", net.JoinHostPort(u.Hostname(), port)
	if u.Scheme == "rediss" {
		s.TLS = &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	}
	s.DB, err = database(strings.Trim(u.Path, "/"))
	return s, err
}

func (s Server) socket(u *url.URL) (Server, error) {
	options, err := url.ParseQuery(u.RawQuery)
	db := options.Get("db")
	options.Del("db")
	switch {
	case u.Host != "" || !path.IsAbs(u.Path):
		return Server{}, errors.New("unix:// is followed by an absolute path")
	case len(u.Path) > 107: // unix(7), sun_path
		return Server{}, errors.New("the path of the socket is longer than 107 bytes")
	case err != nil || len(options) > 0:
		return Server{}, errors.New("behind ? only db=NUMBER is known")
	}
	s.Network, s.Address = "unix", u.Path
	s.DB, err = database(db)
	return s, err
}

func database(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n > maxDB {
		return 0, fmt.Errorf("the database is not a number from 0 to %d", maxDB)
	}
	return int(n), nil
}
