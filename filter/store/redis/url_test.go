package redis

import (
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for written, want := range map[string]Server{
		"redis://localhost":                       {Network: "tcp", Address: "localhost:6379"},
		"redis://:p%40ss%2Fword@10.0.0.7:6380/15": {Network: "tcp", Address: "10.0.0.7:6380", Password: "p@ss/word", DB: 15},
		"redis://bob:x@[2001:db8::1]:6379/":       {Network: "tcp", Address: "[2001:db8::1]:6379", User: "bob", Password: "x"},
		"unix:///run/redis/redis.sock?db=2":       {Network: "unix", Address: "/run/redis/redis.sock", DB: 2},
		"unix://:x@/run/redis.sock":               {Network: "unix", Address: "/run/redis.sock", Password: "x"},
	} {
		if got, err := ParseURL(written); err != nil || got != want {
			t.Errorf("%s: %+v, %v", written, got, err)
		}
	}
	secure, err := ParseURL("rediss://:x@redis.example.org/0")
	if err != nil || secure.TLS == nil || secure.TLS.ServerName != "redis.example.org" || secure.Address != "redis.example.org:6379" || secure.TLS.InsecureSkipVerify {
		t.Errorf("%+v, %v", secure, err)
	}
}

func TestAURLThatIsWrong(t *testing.T) {
	for written, want := range map[string]string{
		"":                                    "begins with neither redis:// nor rediss:// nor unix://",
		"127.0.0.1:6379":                      "not a URL (in a password, write / @ : # ? and % as %2F %40 %3A %23 %3F and %25)",
		"http://:s3cret@host":                 "begins with neither redis:// nor rediss:// nor unix://",
		"redis://:s3cret/x@host":              "not a URL (in a password, write / @ : # ? and % as %2F %40 %3A %23 %3F and %25)",
		"redis://:s3cret%zz@host":             "not a URL (in a password, write / @ : # ? and % as %2F %40 %3A %23 %3F and %25)",
		"redis://:s3cret#x@host":              "not a URL (in a password, write / @ : # ? and % as %2F %40 %3A %23 %3F and %25)",
		"redis://s3cret@host":                 "there is a user and no password; a password alone has a colon before it",
		"redis://":                            "names no host",
		"redis://host:0":                      "the port is not from 1 to 65535",
		"redis://host:65536":                  "the port is not from 1 to 65535",
		"redis://host/s3cret":                 "the database is not a number from 0 to 9999",
		"redis://host/0/1":                    "the database is not a number from 0 to 9999",
		"redis://host/0?password=s3cret":      "options behind ? are not known here",
		"redis://host/0#s3cret":               `not of the form "redis://host:6379/0"`,
		"redis:host":                          `not of the form "redis://host:6379/0"`,
		"unix://redis.sock":                   "unix:// is followed by an absolute path",
		"unix:///a?db=1&password=s3cret":      "behind ? only db=NUMBER is known",
		"unix:///a?db=10000":                  "the database is not a number from 0 to 9999",
		"unix:///" + strings.Repeat("a", 107): "the path of the socket is longer than 107 bytes",
		strings.Repeat("s3cret", 1000):        "a URL of more than 4096 bytes",
	} {
		_, err := ParseURL(written)
		if err == nil || err.Error() != want {
			t.Errorf("%.60s: got %v, want %s", written, err, want)
		}
	}
}

// FuzzParseURL holds that no error repeats the password, and that what is taken is
// within the limits.
func FuzzParseURL(f *testing.F) {
	for _, seed := range []string{"@host", "/@host:1/2", "@/run/x?db=1", "%zz@", "#@host", "?@host/0?x=y", "@[::1]:x"} {
		f.Add("redis://:", seed)
		f.Add("unix://u:", seed)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		const marker = "s3cretm4rker"
		s, err := ParseURL(before + marker + after)
		switch {
		case err != nil && strings.Contains(err.Error(), marker):
			t.Error(err)
		case err == nil && (s.DB < 0 || s.DB > maxDB || s.Network != "tcp" && s.Network != "unix" || s.Address == ""):
			t.Errorf("%+v", s)
		}
	})
}
