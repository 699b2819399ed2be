package relay

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/emersion/go-smtp"

	"proxyfilter/filter"
	"proxyfilter/relay/wire"
)

// maxRecipients bounds one transaction. Postfix's own limit is 1000
// (smtpd_recipient_limit).
const maxRecipients = 10000

// session is one conversation with the before-filter Postfix: the part that
// go-smtp calls. What it is told of paths and content is a placeholder; the
// truth comes from front.
type session struct {
	srv   *Server
	front *front
	txn   *transaction // nil outside one

	unheard *attempt // taken by the next hop, and Postfix has not spoken since
	ended   bool     // a transaction was
}

// transaction is one message, from MAIL to its one outcome.
type transaction struct {
	env     filter.Envelope
	forward wire.Forward
	mail    string   // the commands, as Postfix sent them
	rcpts   []string // likewise; those that were not refused
	start   time.Time
	visit   *visit // with the next hop, if it was opened at MAIL
	apart   int    // recipients that were told to come again
	settled bool   // everything that happened has its Record
}

// Mail opens a transaction.
func (s *session) Mail(string, *smtp.MailOptions) error {
	switch {
	case s.txn != nil:
		return s.reply(text(503, "5.5.1 Error: nested MAIL command"))
	case s.ended && s.srv.stopping():
		// The first MAIL of a conversation is always taken. Postfix connects when it
		// has a message in hand, and sends all it has (smtpd_proxy.c): a conversation
		// that is open is a message on its way, and 451 would be its answer.
		s.srv.Log.Info().Str("mail", s.front.argument()).Msg("stopping: told to try again")
		return s.reply(stopReply())
	}
	line := s.front.argument()
	now := time.Now()
	t := &transaction{mail: line, forward: s.front.forward(), start: now}
	t.env = filter.Envelope{
		ID:       filter.Reference(now, rand.Uint32()),
		Listener: s.front.door.Name,
		Client:   client(t.forward),
		Sender:   address(line),
	}
	t.forward.Ident = t.env.ID // the next hop logs it as orig_queue_id=
	s.txn = t
	s.front.engage(true)
	if s.srv.AtMail {
		return s.visitMail(t)
	}
	return nil
}

// Rcpt adds a recipient. Without a next hop at hand none is refused.
func (s *session) Rcpt(string, *smtp.RcptOptions) error {
	t, line := s.txn, s.front.argument()
	if len(t.rcpts) >= maxRecipients {
		reply := referred(text(452, "4.5.3 Error: too many recipients"), t.env.ID)
		s.srv.settle(t, &result{verdict: relayVerdict(filter.Defer, filter.TooMany), reply: reply, recipient: address(line)})
		return s.reply(reply)
	}
	if reply, wait := s.apart(t, address(line)); wait {
		return s.reply(reply)
	}
	if t.visit != nil {
		if reply, ok := s.visitRcpt(t, line); !ok {
			return s.reply(reply)
		}
	}
	t.rcpts = append(t.rcpts, line)
	t.env.Recipients = append(t.env.Recipients, address(line))
	return nil
}

// Data receives, weighs and delivers the message. The reader is go-smtp's and
// holds nothing.
func (s *session) Data(io.Reader) error {
	reply, err := s.message(s.txn)
	if err != nil {
		return err // the connection is closed, nobody will read this
	}
	return s.reply(reply)
}

// Reset ends a transaction: after RSET and EHLO, and after each message.
func (s *session) Reset() {
	t := s.txn
	if t == nil {
		return
	}
	s.txn, s.ended = nil, true
	s.front.xforward = wire.Forward{} // it was about this message (XFORWARD_README)
	s.front.engage(false)
	if t.visit != nil {
		t.visit.abort()
	}
	if !t.settled && len(t.rcpts) > 0 {
		s.srv.settle(t, &result{verdict: relayVerdict(filter.Defer, filter.Aborted)})
	}
}

// Logout is the end of the conversation. go-smtp does not contain a panic here.
func (s *session) Logout() error {
	defer func() {
		if p := recover(); p != nil {
			s.srv.Log.Error().Str("panic", fmt.Sprint(p)).Msg("end of a conversation")
		}
	}()
	s.unanswered()
	s.Reset()
	return nil
}

// reply makes go-smtp answer in the class of r, and front in its words. It is
// always a bare *smtp.SMTPError: go-smtp makes a permanent refusal, with the
// text inside, of any other error.
func (s *session) reply(r wire.Reply) error {
	s.front.answer(r)
	return &smtp.SMTPError{Code: r.Code, EnhancedCode: smtp.NoEnhancedCode, Message: "-"}
}

// client is the remote client of an envelope.
func client(f wire.Forward) filter.Client {
	addr, _ := wire.ParseAddr(f.Addr)
	return filter.Client{
		Addr: addr, Port: f.Port, Name: f.Name, Helo: f.Helo, Proto: f.Proto, Ident: f.Ident,
		Local: strings.EqualFold(f.Source, "LOCAL"),
	}
}

// relayVerdict is one that the relay comes to by itself.
func relayVerdict(action filter.Action, reason filter.Reason) filter.Verdict {
	return filter.Verdict{Action: action, Would: action, Reason: reason}
}
