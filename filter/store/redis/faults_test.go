package redis

import (
	"cmp"
	"net"
	"strings"
	"testing"
	"time"
)

// A server that refuses something says so at once, each time: it is asked again for
// what it can do.
func TestAServerThatRefuses(t *testing.T) {
	const password = "t0p-s3cret"
	for name, c := range map[string]struct {
		settings []string
		password string
		finds    bool
		want     string
	}{
		"a wrong password":      {[]string{"--requirepass", "right"}, password, false, "WRONGPASS "},
		"no password":           {[]string{"--requirepass", "right"}, "", false, "NOAUTH "},
		"a read-only replica":   {[]string{"--replicaof", "127.0.0.1", "1"}, "", true, "READONLY "},
		"a server that is full": {[]string{"--maxmemory", "1000", "--maxmemory-policy", "noeviction"}, "", true, "OOM "},
		"no right to the keys":  {[]string{"--user", "default", "on", "nopass", "resetkeys", "~other:*", "+@all"}, "", false, "NOPERM "},
	} {
		t.Run(name, func(t *testing.T) {
			r := started(t, c.settings...)
			server := r.server()
			server.Password = c.password
			s := closed(t, New(Config{Server: server, Timeout: time.Minute, Pause: time.Hour}))
			for range 2 * failures {
				err := s.Check(t.Context())
				if err == nil || !strings.HasPrefix(err.Error(), "store: redis at "+server.Address+": "+c.want) {
					t.Fatalf("Put: got %v, want %s", err, c.want)
				}
				if strings.Contains(err.Error(), password) {
					t.Fatal("the password is in it")
				}
			}
			if _, found, err := s.Get(t.Context(), "key"); found || (err == nil) != c.finds {
				t.Errorf("Get: %v, %v", found, err)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	s := closed(t, New(Config{Server: Server{Network: "tcp", Address: "127.0.0.1:1"}, Timeout: time.Minute}))
	if err := s.Check(t.Context()); err == nil || !strings.HasSuffix(err.Error(), "connection refused") {
		t.Error(err)
	}
}

// impostor answers every HELLO as redis does, and everything else with a text.
type impostor struct {
	says  string
	hello string // instead of what redis says to HELLO
	byte  bool   // one byte at a time, with pauses
	hang  bool   // it hears, and says nothing
	drop  bool   // it hangs up
}

func (i impostor) listen(t *testing.T) Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go i.serve(conn)
		}
	}()
	return Server{Network: "tcp", Address: l.Addr().String(), Password: "t0p-s3cret"}
}

func (i impostor) serve(conn net.Conn) {
	defer conn.Close()
	for buf := make([]byte, 16<<10); ; {
		n, err := conn.Read(buf)
		switch {
		case err != nil || i.drop:
			return
		case strings.Contains(strings.ToLower(string(buf[:n])), "hello"):
			_, err = conn.Write([]byte(cmp.Or(i.hello, "*2\r\n$6\r\nserver\r\n$5\r\nredis\r\n")))
		case i.hang:
		case i.byte:
			for at := 0; at < len(i.says) && err == nil; at++ {
				_, err = conn.Write([]byte(i.says[at : at+1]))
				time.Sleep(20 * time.Millisecond)
			}
		default:
			_, err = conn.Write([]byte(i.says))
		}
		if err != nil {
			return
		}
	}
}

func TestAServerThatIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		impostor
		want string
	}{
		"it is silent":                        {impostor{hang: true}, "no answer within "},
		"it hangs up":                         {impostor{drop: true}, "EOF"},
		"it is slow":                          {impostor{says: "$100\r\n" + strings.Repeat("x", 100) + "\r\n", byte: true}, "no answer within "},
		"it is a web server":                  {impostor{says: "HTTP/1.1 400 Bad Request\r\n\r\n"}, `"HTTP/1.1 400 Bad Request\r\n" is no reply of redis`},
		"it is binary":                        {impostor{says: "\x00\x01\x02\n"}, "is no reply of redis"},
		"it announces two gigabytes":          {impostor{says: "$2147483647\r\n"}, `"$2147483647" announces what is not within -1 and 4096`},
		"it announces more than there can be": {impostor{says: "$9223372036854775807\r\n"}, "announces what is not"},
		"it announces less than nothing":      {impostor{says: "$-2\r\n"}, "announces what is not"},
		"a list without end":                  {impostor{hello: strings.Repeat("*2\r\n+k\r\n", 100_000)}, "a reply of more than 65536 bytes"},
		"a long list":                         {impostor{says: "*1000000000\r\n"}, "announces what is not"},
		"a value that we would not store":     {impostor{says: "$4097\r\n" + strings.Repeat("x", 4097) + "\r\n"}, "announces what is not"},
		"a line without end":                  {impostor{says: "+" + strings.Repeat("x", 4000)}, "a line of more than 1024 bytes"},
		"another type":                        {impostor{says: ":12\r\n"}, ""},
		"the password":                        {impostor{says: "-ERR unknown command 'AUTH', with args beginning with: 't0p-s3cret'\r\n"}, "beginning with: '***'"},
		"what steers a terminal":              {impostor{says: "-ERR \x1b[2J\xff\r\n"}, "ERR ?[2J?"},
	} {
		t.Run(name, func(t *testing.T) {
			timeout := time.Minute
			if c.hang || c.byte {
				timeout = 100 * time.Millisecond
			}
			s := closed(t, New(Config{Server: c.listen(t), Timeout: timeout}))
			start := time.Now()
			for range 3 {
				value, found, err := s.Get(t.Context(), "key")
				switch {
				case err == nil && (c.want != "" || len(value) > MaxValue):
					t.Fatalf("%.40q, %v", value, found)
				case err == nil:
				case found || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "t0p-s3cret"):
					t.Fatal(err)
				}
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// FuzzSaid holds that what passes has no length that is beyond the limits, however it
// is cut into pieces.
func FuzzSaid(f *testing.F) {
	for _, seed := range []string{"+OK\r\n", "$3\r\n\r\n+\r\n:1\r\n", "*2\r\n$1\r\na\r\n$-1\r\n", "$5000\r\n", "-ERR x\r\n$", "$0\r\n\r\n%1\r\n"} {
		f.Add([]byte(seed), uint8(1))
	}
	f.Fuzz(func(t *testing.T, b []byte, step uint8) {
		var whole, pieces said
		want := whole.check(b)
		var got error
		for rest := b; len(rest) > 0 && got == nil; {
			n := min(len(rest), int(step)+1)
			got = pieces.check(rest[:n])
			rest = rest[n:]
		}
		if (want == nil) != (got == nil) {
			t.Errorf("at once: %v; in pieces: %v", want, got)
		}
		if whole.left > MaxValue+2 || len(whole.line) > maxLine {
			t.Errorf("%d bytes announced, %d in a line", whole.left, len(whole.line))
		}
	})
}
