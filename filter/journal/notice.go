package journal

// Loss is why Records are not in the journal. The set is closed: it is a label in
// metrics.
type Loss uint8

// The losses.
const (
	LostQueue      Loss = iota // the disk was too slow and the queue full
	LostDisk                   // writing failed
	LostUnwritable             // the Record is too long for a line, or cannot be written as JSON
	lossKinds
)

var lossWords = [lossKinds]string{"queue", "disk", "unwritable"}

// String is the word for a loss.
func (l Loss) String() string { return lossWords[min(l, lossKinds-1)] }

// Losses is the closed set.
func Losses() []Loss { return []Loss{LostQueue, LostDisk, LostUnwritable} }

// Lost counts the Records that were lost for one reason.
func (j *Journal) Lost(why Loss) int64 { return j.lost[min(why, lossKinds-1)].Load() }

// Event is what a Notice is about. The set is closed.
type Event string

// The events.
const (
	Losing    Event = "losing"    // Records are being lost; told once, until one is written again
	Writing   Event = "writing"   // Records are written again
	Untended  Event = "untended"  // a segment could not be compressed, hashed or removed
	Recovered Event = "recovered" // segments are looked after again
)

// Notice is told once per event, not per Record.
type Notice struct {
	Event Event
	Why   Loss  // with Losing
	Err   error // may be nil
}

// lose counts, and tells of the first loss of a row.
func (j *Journal) lose(why Loss, n int) { j.loseFor(why, n, nil) }

func (j *Journal) loseFor(why Loss, n int, err error) {
	j.lost[why].Add(int64(n))
	if !j.told.Swap(true) {
		j.config.Notice(Notice{Event: Losing, Why: why, Err: err})
	}
}

// wrote ends a row of losses.
func (j *Journal) wrote() {
	if j.told.Load() && j.told.Swap(false) {
		j.config.Notice(Notice{Event: Writing})
	}
}
