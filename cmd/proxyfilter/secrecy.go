package main

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// dumpsWanted is how somebody asks for core dumps (runtime/debug.SetTraceback).
const dumpsWanted = "GOTRACEBACK=crash"

// keepToOurselves sees to it that no core dump has anybody's mail in it, and that
// other processes of our user cannot read our memory (ptrace(2)). A limit on the size
// of core files would not do: it does not hold for a core_pattern that is a program,
// such as systemd-coredump (core(5)), and a unit may forbid us to set it.
//
// Who asks for a core dump in so many words gets one.
func keepToOurselves(environ []string) error {
	if slices.Contains(environ, dumpsWanted) {
		return errors.New(dumpsWanted)
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// remarkPrivileges warns of what nothing here needs. It does not refuse: in a
// container root is a habit, and mail that is not filtered helps nobody.
func (d *daemon) remarkPrivileges(dumpable error) {
	if dumpable != nil {
		d.log.Warn().Err(dumpable).Msg("a core dump may hold the mail under way")
	}
	if os.Geteuid() == 0 {
		d.log.Warn().Msg("running as root, which nothing here needs: give it a user of its own (User= in the unit, USER in an image)")
	}
}
