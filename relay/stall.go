package relay

import "time"

// backlog is more than the sockets between Postfix and us hold (tcp_rmem and tcp_wmem,
// 6 and 4 MB). When the end of data was sent, all but so many bytes had been read.
const backlog = 16 << 20

// stall is how long writing to a slow disk has kept us from reading. What it took
// altogether would be too much: with a large message, longer than the time for a
// verdict, and the same at each retry.
type stall struct {
	bytes        int           // written in the present part, up to backlog
	took, before time.Duration // for the present part, and for the one before it
}

// add counts one write.
func (s *stall) add(n int, took time.Duration) {
	if s.bytes >= backlog {
		*s = stall{before: s.took}
	}
	s.bytes += n
	s.took += took
}

// last is how long the last bytes took, at least backlog of them.
func (s *stall) last() time.Duration { return s.before + s.took }
