package rig

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Letter is a message and where it is to go. Content has CRLF line ends, is not
// dot-stuffed, and ends in CRLF.
type Letter struct {
	From    string
	To      []string
	Content []byte
}

// Sender is an SMTP client that we did not write.
type Sender struct {
	Name string
	args func(host, port, file string, l Letter) []string
	wire func(content []byte) []byte // what the file holds

	speak func(ctx context.Context, address string, l Letter, out io.Writer) error // instead of a program
}

// Senders are the ones that are installed, the preferred one first.
func Senders() []Sender {
	var found []Sender
	for _, s := range []Sender{swaks(), smtplib()} {
		if Lacking(s.Name) == nil {
			found = append(found, s)
		}
	}
	return found
}

// swaks is John Jetmore's Swiss Army Knife for SMTP. It gets the content as it
// goes over the wire, since it would else replace words like %DATE% in it; the
// line end after the final dot it adds itself.
func swaks() Sender {
	return Sender{
		Name: "swaks",
		args: func(host, port, file string, l Letter) []string {
			return []string{
				"--server", host, "--port", port, "--local-interface", Stranger, "--helo", "client.example.org",
				"--from", l.From, "--to", strings.Join(l.To, ","), "--no-data-fixup", "--data", "@" + file,
			}
		},
		wire: func(content []byte) []byte { return append(Stuff(content), '.') },
	}
}

// pythonSend is a whole mail client. It prints the dialogue to standard error.
const pythonSend = `
import smtplib, sys
host, port, source, sender, file, *to = sys.argv[1:]
with smtplib.SMTP(host, int(port), "client.example.org", source_address=(source, 0)) as s:
    s.set_debuglevel(1)
    try:
        s.sendmail(sender, to, open(file, "rb").read())
    except smtplib.SMTPException:
        sys.exit(1) # the dialogue has told why
`

func smtplib() Sender {
	return Sender{
		Name: "python3",
		args: func(host, port, file string, l Letter) []string {
			return append([]string{"-c", pythonSend, host, port, Stranger, l.From, file}, l.To...)
		},
		wire: func(content []byte) []byte { return content },
	}
}

// Send sends the letter from a stranger's address and writes the dialogue, as
// the client prints it, to out. The error is the client's exit status: a refusal
// is one.
func (s Sender) Send(ctx context.Context, address string, l Letter, out io.Writer) error {
	if s.speak != nil {
		return s.speak(ctx, address, l, out)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	dir, err := os.MkdirTemp("", "proxyfilter-letter-")
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "letter")
	if err := os.WriteFile(file, s.wire(l.Content), 0o600); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	cmd := exec.CommandContext(ctx, Program(s.Name), s.args(host, port, file, l)...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

// Builtin is for machines with no mail client at all. It prints the dialogue as
// swaks does.
func Builtin() Sender { return Sender{Name: "the built-in client", speak: speak} }

func speak(ctx context.Context, address string, l Letter, out io.Writer) error {
	c, err := Dial(ctx, address, Stranger)
	if err != nil {
		return err
	}
	defer c.Close()
	commands := []string{"EHLO client.example.org", "MAIL FROM:<" + l.From + ">"}
	for _, to := range l.To {
		commands = append(commands, "RCPT TO:<"+to+">")
	}
	for _, command := range append(commands, "DATA", string(Stuff(l.Content))+".") {
		fmt.Fprintln(out, " -> "+strings.ReplaceAll(command, "\r\n", "\n -> "))
		reply, err := c.Say(command)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, "<-  "+strings.ReplaceAll(reply.String(), "\n", "\n<-  "))
		if reply.Code >= 400 {
			return fmt.Errorf("refused: %v", reply)
		}
	}
	_, err = c.Say("QUIT")
	return err
}

// Stuff doubles the dots at the beginning of lines (RFC 5321 4.5.2).
func Stuff(content []byte) []byte {
	stuffed := bytes.ReplaceAll(content, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(content, []byte(".")) {
		stuffed = append([]byte("."), stuffed...)
	}
	return stuffed
}
