package main

import (
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// dumpsWanted is how somebody asks for core dumps (runtime/debug.SetTraceback).
const dumpsWanted = "GOTRACEBACK=crash"

// keepToOurselves sees to it that no core dump has anybody's mail in it, and that
// other processes of our user cannot read our memory (ptrace(2)). The size limit
// alone would not do: it does not hold for a core_pattern that is a program, such as
// systemd-coredump (core(5)).
//
// Who asks for a core dump in so many words gets one.
func keepToOurselves(environ []string) error {
	if slices.Contains(environ, dumpsWanted) {
		return nil
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return fmt.Errorf("core dumps: %w", err)
	}
	limit.Cur = 0
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		return fmt.Errorf("core dumps: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("core dumps: %w", err)
	}
	return nil
}

// remarkPrivileges warns of what nothing here needs. It does not refuse: in a
// container root is a habit, and mail that is not filtered helps nobody.
func (d *daemon) remarkPrivileges(environ []string) {
	if slices.Contains(environ, dumpsWanted) {
		d.log.Warn().Msg("GOTRACEBACK=crash: a core dump may hold the mail under way")
	}
	if os.Geteuid() == 0 {
		d.log.Warn().Msg("running as root, which nothing here needs: give it a user of its own (User= in the unit, USER in an image)")
	}
}
