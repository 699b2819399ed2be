package spamd

import "time"

// Status is the state of the line and of each server, for metrics.
type Status struct {
	Servers    []ServerStatus
	Waiting    int           // messages in line, large ones included
	WaitingBig int           // of these, over 256 KB
	Blind      time.Duration // since the last answer of any server
}

// ServerStatus is the state of one server.
type ServerStatus struct {
	Address string
	Slots   int
	Busy    int    // slots in use
	Lost    int    // of these, by scans that nobody waits for any more
	Breaker string // "closed", "half-open" or "open"
	Symbols bool   // its report cannot be read, so that rules have no points
}

// Free is how many slots are free. After a reload that lowered their number,
// more may be in use than there are.
func (s ServerStatus) Free() int { return max(0, s.Slots-s.Busy) }

// Status looks at everything at one moment.
func (s *Scanner) Status() Status {
	l := &s.line
	l.mu.Lock()
	defer l.mu.Unlock()
	st := Status{
		Waiting:    l.queue[small].Len() + l.queue[big].Len(),
		WaitingBig: l.queue[big].Len(),
		Blind:      s.blind(),
	}
	for _, v := range s.servers {
		st.Servers = append(st.Servers, ServerStatus{
			Address: v.Address,
			Slots:   v.Slots,
			Busy:    v.used(),
			Lost:    v.lost(),
			Breaker: v.breaker.State().String(),
			Symbols: v.symbols.Load(),
		})
	}
	return st
}
