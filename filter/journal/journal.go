// Package journal keeps Records on disk, so that a refusal can be explained, and
// replayed, weeks after it happened. It keeps what was found and decided, and
// never content.
//
// # The files
//
// A directory holds segments. Records are appended to one plain file; when that
// is large enough, or its period (a day, or less) is over, it is compressed and
// gets an index beside it. A segment's name says when it begins, so that age,
// which is all that expiring and hashing ask for, is known without opening it:
//
//	20261126T053602Z-000.jsonl               records are appended here
//	20261126T053602Z-000.1.jsonl.gz          compressed, first generation
//	20261126T053602Z-000.1.index             where its references and queue ids are
//	20261202T000000Z-000.2.hashed.jsonl.gz   the next generation, without addresses
//
// A compressed segment is never changed. What rewrites it (hashing, Erase) writes
// the next generation under a name of its own, and renames it into place before
// the old one goes: a reader sees the one or the other, and an index can never
// belong to other bytes than it was made from. Every file is readable by zcat.
//
// # Who may write
//
// The daemon appends while another process may erase, and two daemons may share a
// directory by mistake. So each append holds the lock "write", looks whether the
// file is still the one of that name, and ends a line that somebody else's crash
// left torn. Rewriting holds the lock "maintain", and "write" only while it puts
// a result in the place of a plain file. Both are flock(2), and die with their
// process. A reader needs neither: it skips a line that is no Record.
//
// # Never in the way
//
// Add encodes a Record and puts it in a queue of bounded size; one goroutine
// writes. When the queue is full, Records of mail that passed go first: the
// question that a journal must answer is "why was my mail refused?". Losses are
// counted by cause. A crash costs at most the line that was being written, and
// a power failure the seconds that the kernel had not written yet: calling fsync
// for each Record would make the disk a part of the conversation.
//
// # Looking up
//
// A segment's index is a sorted list of 48-bit hashes of references, queue ids and
// Message-IDs, each with the block of the segment it stands in; a block is one
// gzip member. Looking up reads some twenty entries of each index and unpacks one
// block. A reference names its time, so that most indexes need not be read at
// all. Memory does not depend on the size of the journal. Addresses have no index:
// looking for one reads everything in the span of time that was asked for.
//
// # Addresses
//
// After Config.KeepAddresses a segment is rewritten: addresses and Message-IDs
// become "h:" and a keyed hash, client addresses are cut to /24 or /48, host names
// to two labels, and subjects go. The key is made once, stays in the directory
// (mode 0600), and is what makes a hash findable by who knows the address. Age
// counts from a segment's first Record, so nothing is kept longer than was said.
//
// # The format, version 1
//
// One JSON object a line. Times are RFC 3339, spans are seconds, a member that is
// missing is zero or empty. A later version may add members; one that changes the
// meaning of a member has another "v", and is not read by this release.
//
//	v             1
//	id            the reference
//	time          of the outcome
//	hashed        true once addresses are hashed
//	listener      the front door; missing for the first one
//	client        addr, port, name, helo, proto, ident, local, authenticated
//	from, to      the envelope; to_count says how many there were if some were cut off
//	recipient     the one that this Record is about, if not all
//	size          bytes of content
//	message_id, header_from, subject   as the header says
//	handed_on     true if there are signs that the client had it from somebody else
//	action, would, reason, text, policy, score, tag_at, reject_at   the verdict
//	opinions      a list, if recipients are under several policies: policy,
//	              recipients, action, would, tag_at, reject_at, reason
//	findings      a list: source, score, limit, rules (name, points, description),
//	              labels, advice, text, server, viruses, waited, took, cause, error, blind,
//	              recipients, if the advice is about some only
//	reply, queue_id, error             what Postfix was told, and what went wrong
//	original      the reference of the same message that was sent before
//	received, waited, scanned, committed   the stages, in seconds
//	anomalies     bare_cr, bare_lf, extra_cr, nul, unstuffed
//
// Verdict.Fields are left out: Policy.Decide makes them again from the findings.
package journal

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"proxyfilter/filter"
)

// Config is what a Journal needs. Zero values take the defaults below.
type Config struct {
	// Dir is the directory. Its parent must exist; it is made if it is missing.
	Dir string

	// Keep is how long Records stay, KeepAddresses how long their addresses can
	// be read. Neither is exceeded; a segment may go up to a seventh of the
	// shorter one, at most a day, before its last Record is as old.
	Keep, KeepAddresses time.Duration

	Subject bool // keep what the Subject field says

	SegmentSize int64 // bytes of a plain segment
	QueueSize   int64 // bytes that may wait for the disk

	// Notice hears of what an administrator should know. It must not block.
	Notice func(Notice)
}

// The defaults.
const (
	DefaultKeep          = 30 * 24 * time.Hour
	DefaultKeepAddresses = 7 * 24 * time.Hour
	DefaultSegmentSize   = 64 << 20
	DefaultQueueSize     = 16 << 20
)

func (c Config) withDefaults() Config {
	if c.Keep <= 0 {
		c.Keep = DefaultKeep
	}
	if c.KeepAddresses <= 0 {
		c.KeepAddresses = DefaultKeepAddresses
	}
	if c.SegmentSize <= 0 {
		c.SegmentSize = DefaultSegmentSize
	}
	if c.QueueSize <= 0 {
		c.QueueSize = DefaultQueueSize
	}
	if c.Notice == nil {
		c.Notice = func(Notice) {}
	}
	return c
}

// period is how long one segment is written to: a segment ages as a whole, so
// its length is what makes ages inexact.
func (c Config) period() time.Duration {
	return max(time.Minute, min(24*time.Hour, c.Keep/7, c.KeepAddresses/7))
}

// Journal appends Records, and looks after the segments.
type Journal struct {
	config Config
	dir    directory
	hash   hasher
	queue  *queue
	lines  sync.Pool // of *encoder
	lost   [lossKinds]atomic.Int64
	told   atomic.Bool // the last loss has been told of

	sealed chan struct{} // a segment is complete
	ending context.Context
	end    context.CancelFunc
	done   sync.WaitGroup
}

// Open makes or finds the directory, and starts to look after it. It fails when
// the directory cannot be written to.
func Open(c Config) (*Journal, error) {
	c = c.withDefaults()
	dir, key, err := openDirectory(c.Dir)
	if err != nil {
		return nil, err
	}
	j := &Journal{config: c, dir: dir, hash: hasher{key}, queue: newQueue(c.QueueSize), sealed: make(chan struct{}, 1)}
	j.ending, j.end = context.WithCancel(context.Background())
	j.done.Go(j.write)
	j.done.Go(j.maintain)
	return j, nil
}

// Add takes a Record. It does not block, and nothing of the Record is held when
// it returns.
func (j *Journal) Add(r *filter.Record) {
	e, _ := j.lines.Get().(*encoder)
	if e == nil {
		e = newEncoder()
	}
	entry := Entry{Record: *r}
	if !j.config.Subject {
		entry.Subject = ""
	}
	line, err := e.encode(&entry)
	if err != nil {
		j.lose(LostUnwritable, 1)
		return // with the encoder: nobody knows what is in it
	}
	if lost := j.queue.put(line, !r.Verdict.Action.Passes()); lost > 0 {
		j.lose(LostQueue, lost)
	}
	e.reset()
	j.lines.Put(e)
}

// Close writes what waits, for at most so long, and ends the Journal. Records
// that are added later are lost.
func (j *Journal) Close(patience time.Duration) {
	j.queue.close()
	j.end()
	ended := make(chan struct{})
	go func() {
		j.done.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(patience):
	}
}
