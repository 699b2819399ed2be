package journal

import (
	"testing/synctest"
	"time"
)

// settle lets the writer come to rest, which takes a breath after each write.
func settle() {
	time.Sleep(2 * breath) // virtual
	synctest.Wait()
}
