package relaytest

import (
	"strconv"
	"strings"
)

// execute answers one command. Blanks are where Postfix takes them.
func (c *conversation) execute(line string) error {
	line = strings.TrimLeft(line, " \t")
	verb, argument := strings.ToUpper(line), ""
	if i := strings.IndexAny(line, " \t"); i >= 0 {
		verb, argument = strings.ToUpper(line[:i]), line[i+1:]
	}
	if !c.pipelines || (verb != "XFORWARD" && verb != "MAIL" && verb != "RCPT" && verb != "RSET") {
		c.lockstep(verb)
	}
	switch verb {
	case "EHLO":
		return c.ehlo(argument)
	case "XFORWARD", "XCLIENT":
		return c.attributes(Stage(verb), argument)
	case "MAIL":
		return c.mail(argument)
	case "RCPT":
		return c.rcpt(argument)
	case "DATA":
		return c.data(argument)
	case "RSET":
		c.over()
		return c.answer("250 2.0.0 Ok", RSET)
	case "NOOP":
		return c.say("250 2.0.0 Ok", 0)
	case "QUIT":
		if err := c.answer("221 2.0.0 Bye", QUIT); err != nil {
			return err
		}
		return errEnded
	}
	c.hop.violation(c.number, "not a command for a next hop: %.80q", line)
	return c.fail(502, "5.5.2 Error: command not recognized")
}

func (c *conversation) ehlo(name string) error {
	c.over()
	c.helo = name
	announce := c.hop.Announce
	if announce == nil {
		announce = Postfix()
	}
	lines := append([]string{c.hostname()}, announce...)
	for i, l := range lines {
		c.pipelines = c.pipelines || l == "PIPELINING"
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		lines[i] = "250" + sep + l
	}
	return c.answer(strings.Join(lines, "\r\n"), EHLO)
}

// attributes reads XFORWARD and XCLIENT as Postfix does (XFORWARD_README):
// outside transactions only, 512 bytes a command and 255 a value at most.
func (c *conversation) attributes(verb Stage, argument string) error {
	if c.current >= 0 {
		c.hop.violation(c.number, "%s inside a transaction", verb)
		return c.fail(503, "5.5.1 Error: MAIL transaction in progress")
	}
	if len(argument)+len(verb) > 510 {
		c.hop.violation(c.number, "%s of %d bytes", verb, len(argument))
	}
	got, err := readAttributes(argument)
	if err != nil {
		c.hop.violation(c.number, "%s: %v", verb, err)
		return c.fail(501, "5.5.4 Bad %s: %v", verb, err)
	}
	if verb == XCLIENT { // the session starts again: a new greeting, a new EHLO
		c.xclient, c.helo = got, ""
		return c.answer("220 "+c.hostname()+" ESMTP Postfix", XCLIENT)
	}
	accepted, err := c.decide("250 2.0.0 Ok", XFORWARD, 0)
	for name, value := range got {
		if c.forward == nil {
			c.forward = make(map[string]string)
		}
		if accepted {
			c.forward[name] = value
		}
	}
	return err
}

func (c *conversation) mail(argument string) error {
	path, ok := cutFold(strings.TrimLeft(argument, " \t"), "FROM:")
	switch {
	case !ok:
		c.hop.violation(c.number, "MAIL %.80q", argument)
		return c.fail(501, "5.5.4 Syntax: MAIL FROM:<address>")
	case c.helo == "":
		c.hop.violation(c.number, "MAIL before EHLO")
		return c.fail(503, "5.5.1 Error: send HELO/EHLO first")
	case c.current >= 0:
		c.hop.violation(c.number, "MAIL inside a transaction")
		return c.fail(503, "5.5.1 Error: nested MAIL command")
	}
	accepted, err := c.decide("250 2.1.0 Ok", MAIL, 0)
	if accepted {
		c.current = c.hop.begin(Transaction{
			Connection: c.number, Helo: c.helo, Forward: c.forward, XClient: c.xclient, Mail: path,
		})
		c.rcpts, c.accepted = 0, 0
	}
	return err
}

func (c *conversation) rcpt(argument string) error {
	path, ok := cutFold(strings.TrimLeft(argument, " \t"), "TO:")
	switch {
	case !ok:
		c.hop.violation(c.number, "RCPT %.80q", argument)
		return c.fail(501, "5.5.4 Syntax: RCPT TO:<address>")
	case c.current < 0: // the flight of a refused MAIL: no violation
		return c.fail(503, "5.5.1 Error: need MAIL command")
	}
	c.rcpts++
	var accepted bool
	var err error
	if f, ok := c.hop.recipientFault(path); ok {
		accepted, err = c.decideWith(f, "250 2.1.5 Ok")
	} else {
		accepted, err = c.decide("250 2.1.5 Ok", RCPT, c.rcpts)
	}
	c.hop.change(c.current, func(t *Transaction) {
		if accepted {
			t.Recipients = append(t.Recipients, path)
			c.accepted++
		} else {
			t.Refused = append(t.Refused, path)
		}
	})
	return err
}

// over ends the transaction. XFORWARD's attributes end with it, as in Postfix.
func (c *conversation) over() {
	c.current, c.forward = -1, nil
}

func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

// readAttributes reads NAME=value pairs in xtext.
func readAttributes(argument string) (map[string]string, error) {
	got := make(map[string]string)
	for _, pair := range strings.Fields(argument) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, badAttribute(pair)
		}
		text, ok := xtext(value)
		if !ok || len(value) > 255 || !attributeNames(strings.ToUpper(name)) {
			return nil, badAttribute(pair)
		}
		got[strings.ToUpper(name)] = text
	}
	return got, nil
}

type badAttribute string

func (b badAttribute) Error() string { return strconv.Quote(string(b)) }

func attributeNames(name string) bool {
	switch name {
	case "NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE", "LOGIN", "DESTADDR", "DESTPORT":
		return true
	}
	return false
}

// xtext decodes RFC 3461 4: a plus sign and two hexadecimal digits are a byte.
func xtext(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '+' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return "", false
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", false
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), true
}
