package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
)

// startNext starts the program file again, which may be a new one by now, with the
// arguments of this process, to take over from it. The next process is a child, so
// that it is in the same cgroup: systemd takes no other for the main process of a
// service (sd_notify(3), MAINPID).
func (d *daemon) startNext() {
	if d.offer == nil {
		d.log.Error().Msg("SIGUSR2: no process can take over from this one: see server.takeover")
		return
	}
	cmd, err := nextProcess(d.again, os.Environ())
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		d.log.Error().Err(err).Msg("SIGUSR2: the next process cannot be started")
		return
	}
	d.log.Info().Int("pid", cmd.Process.Pid).Msg("the next process is started")
	go func() { // once it serves, this process ends before it
		if err := cmd.Wait(); err != nil {
			d.log.Error().Err(err).Int("pid", cmd.Process.Pid).Msg("the next process has ended")
		}
	}()
}

func nextProcess(args, environ []string) (*exec.Cmd, error) {
	file, err := os.Executable() // without the " (deleted)" of a file that was replaced
	if err != nil {
		return nil, err
	}
	if !slices.Contains(args, "--takeover") {
		args = append(slices.Clone(args), "--takeover")
	}
	cmd := exec.Command(file, args...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// The watchdog is for whoever is the main process (sd_watchdog_enabled(3)).
	cmd.Env = slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, "WATCHDOG_PID=") })
	return cmd, nil
}
