package rig

import (
	"bufio"
	"io"
	"net"
	"reflect"
	"slices"
	"testing"
)

func TestAWiretapPassesOnEveryByteAndKeepsWhatTheClientSaid(t *testing.T) {
	const said = "EHLO x\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRCPT TO:<e@f>\r\ndata\r\n..a\r\n.\r\r\nb\nc\rd\r\n.\r\nQUIT\r\n"
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	heard := make(chan string, 1)
	go func() {
		conn, err := server.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "220 hello\r\n")
		all, _ := io.ReadAll(conn)
		heard <- string(all)
	}()
	w, err := NewWiretap()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Connect(server.Addr().String())
	client, err := net.Dial("tcp", w.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if greeting, err := bufio.NewReader(client).ReadString('\n'); greeting != "220 hello\r\n" {
		t.Fatal(greeting, err)
	}
	io.WriteString(client, said)
	client.(*net.TCPConn).CloseWrite()
	if got := <-heard; got != said {
		t.Errorf("the server heard %q", got)
	}
	all, err := w.Conversations(t.Context())
	if err != nil || len(all) != 1 {
		t.Fatal(len(all), err)
	}
	c := all[0]
	if !c.Ended || string(c.Content) != "..a\r\n.\r\r\nb\nc\rd\r\n" || string(c.Clean()) != ".a\r\n\r\nb\r\nc d\r\n" {
		t.Errorf("content %q, clean %q, ended %v", c.Content, c.Clean(), c.Ended)
	}
	if c.Argument("MAIL") != "<a@b>" || !slices.Equal(c.Arguments("rcpt"), []string{"<c@d>", "<e@f>"}) || len(c.Commands) != 6 {
		t.Errorf("commands %q", c.Commands)
	}
}

func TestWhatAWiretapReadsOfContent(t *testing.T) {
	for _, test := range []struct {
		name, said string
		want       Conversation
	}{
		{"an empty message", "DATA\r\n.\r\nQUIT\r\n", Conversation{Commands: []string{"DATA", "QUIT"}, Content: []byte{}, Ended: true}},
		{"one that is broken off", "DATA\r\na\r\nQUIT\r\n", Conversation{Commands: []string{"DATA"}, Content: []byte("a\r\nQUIT\r\n")}},
		{"what is no end", "DATA\r\na\n.\r\n.\r\r\n.\r\n", Conversation{Commands: []string{"DATA"}, Content: []byte("a\n.\r\n.\r\r\n"), Ended: true}},
		{"no message", "EHLO x\r\nQUI", Conversation{Commands: []string{"EHLO x", "QUI"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := readConversation([]byte(test.said)); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
