package rig

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// topBytes is how much of a message can hold the fields that Postfix and we add.
const topBytes = 16 << 10

// Mail is one delivered copy.
type Mail struct {
	Recipient string // X-Original-To
	Raw       []byte // the whole file; virtual(8) ends lines with LF
}

// Delivered waits until the queue id is done with, and returns what was
// delivered of it.
func (p *Postfix) Delivered(ctx context.Context, queueID string) ([]Mail, error) {
	id := regexp.QuoteMeta(queueID)
	if _, err := p.Log.Wait(ctx, 0, `qmgr\[\d+\]: `+id+`: removed`); err != nil {
		return nil, err
	}
	all, err := p.Mailbox()
	if err != nil {
		return nil, err
	}
	received := regexp.MustCompile(`\sid ` + id + `[;\s]`)
	var mine []Mail
	for _, m := range all {
		if received.Match(m.top()) {
			mine = append(mine, m)
		}
	}
	return mine, nil
}

// Mailbox is everything that was delivered so far.
func (p *Postfix) Mailbox() ([]Mail, error) {
	dir := filepath.Join(p.mailbox(), "new")
	files, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	var list []Mail
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("mailbox: %w", err)
		}
		m := Mail{Raw: raw}
		if match := originalTo.FindSubmatch(m.top()); match != nil {
			m.Recipient = string(match[1])
		}
		list = append(list, m)
	}
	return list, nil
}

// Queued counts the messages with this Message-ID that entered the queue.
func (p *Postfix) Queued(ctx context.Context, messageID string) (int, error) {
	if err := p.settle(ctx); err != nil {
		return 0, err
	}
	return len(p.Log.All(0, `cleanup\[\d+\]: \w+: message-id=`+regexp.QuoteMeta(messageID)+`$`)), nil
}

// settle waits until everything that was logged up to now can be seen here:
// postlogd(8) takes datagrams in their order, so it is done with them when it is
// done with ours. Without it the absence of a line would mean nothing.
func (p *Postfix) settle(ctx context.Context) error {
	note := fmt.Sprintf("settled %d", p.Log.Mark())
	if out, err := p.command("postlog", "-t", "rig", note).CombinedOutput(); err != nil {
		return fmt.Errorf("postlog: %w: %s", err, out)
	}
	_, err := p.Log.Wait(ctx, 0, `rig(\[\d+\])?: `+note)
	return err
}

// Logged are the lines of Postfix's log that match the expression.
func (p *Postfix) Logged(ctx context.Context, expression string) ([]string, error) {
	err := p.settle(ctx)
	return p.Log.All(0, expression), err
}

var (
	originalTo = regexp.MustCompile(`(?m)^X-Original-To: (.*)$`)
	fieldName  = regexp.MustCompile(`(?m)^([!-9;-~]+):`)
)

func (m Mail) top() []byte { return m.Raw[:min(len(m.Raw), topBytes)] }

// Added compares a delivered copy with the content that was sent, and returns
// the names of the header fields that were put on top of it on its way. It fails
// when the content itself is not there byte by byte, line ends aside.
func (m Mail) Added(content []byte) ([]string, error) {
	local := bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))
	if !bytes.HasSuffix(m.Raw, local) {
		return nil, fmt.Errorf("the %d bytes that were sent are not the end of the %d that arrived", len(local), len(m.Raw))
	}
	var names []string
	for _, field := range fieldName.FindAllSubmatch(m.Raw[:len(m.Raw)-len(local)], -1) {
		names = append(names, string(field[1]))
	}
	return names, nil
}
