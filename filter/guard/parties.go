package guard

// maxParties bounds the memory, to some 5 MB. Who comes later is a stranger until others
// are forgotten.
const maxParties = 1 << 16

// seasons are the windows in which mail of a domain must have been clean, if no user has
// written to it, before it is known to be good.
const seasons = 3

// party is a sender: a domain, or what a list names. Times are slots.
type party struct {
	since   int64 // of the first good word for it
	last    int64 // of the latest sign of life
	heard   int64 // of its latest message that counts; never, if there was none
	clean   int64 // of its latest clean message
	windows uint8 // with clean messages, up to seasons
	written bool  // a user has written to it
	refused bool  // the message that was heard
}

// parties are the senders of whom there was a good word, by a hash of their names. Of
// 65536 two have the same once in eight thousand million servers.
type parties struct {
	age int64 // slots after which a good word counts
	all map[uint64]party
}

// note takes down what a message says of its sender, and whether he is known to be
// good. Of whom there was no good word, none is kept: refused mail cannot fill the memory.
func (k *parties) note(who uint64, e evidence, slot int64) (p party, known bool) {
	p, found := k.all[who]
	if !found {
		if !e.listed && !e.clean || len(k.all) >= maxParties {
			return p, false
		}
		p = party{since: slot, heard: never, clean: never}
	}
	p.last = slot
	if e.clean && p.windows < seasons && p.clean/parts != slot/parts {
		p.windows++
	}
	if e.clean {
		p.clean = slot
	}
	k.all[who] = p
	return p, e.listed || slot-p.since >= k.age && (p.written || p.windows >= seasons)
}

// written notes that a user has written to a domain.
func (k *parties) written(who uint64, slot int64) {
	p, found := k.all[who]
	if !found {
		if len(k.all) >= maxParties {
			return
		}
		p = party{since: slot, heard: never, clean: never}
	}
	p.last, p.written = slot, true
	k.all[who] = p
}

// forget makes room: who was silent for a baseline goes.
func (k *parties) forget(slot int64) {
	if len(k.all) < maxParties {
		return
	}
	for who, p := range k.all {
		if slot-p.last > 2*k.age {
			delete(k.all, who)
		}
	}
}
