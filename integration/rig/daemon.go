package rig

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// stopGrace is how long a daemon may take to stop before it is killed.
const stopGrace = 15 * time.Second

// Daemon is a child process in a process group of its own, which is how all of
// it can be ended, and nothing else.
type Daemon struct {
	Log  *Log
	Done <-chan struct{} // closed when it has ended

	cmd   *exec.Cmd
	guard *guard
	err   error // of Wait; valid after Done
}

// start runs cmd and collects what it writes.
func start(cmd *exec.Cmd, log *Log) (*Daemon, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	defer in.Close()
	cmd.Stdout, cmd.Stderr = in, in
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	// A grandchild that was left behind may hold the pipe open.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		out.Close()
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	log.begin()
	done := make(chan struct{})
	d := &Daemon{Log: log, Done: done, cmd: cmd}
	if d.guard, err = watchOver(cmd.Process.Pid); err != nil {
		d.signalGroup(syscall.SIGKILL)
	}
	go d.collect(out, done)
	return d, err
}

func (d *Daemon) collect(out io.ReadCloser, done chan struct{}) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		d.Log.read(out)
	}()
	d.err = d.cmd.Wait()
	// Children that outlive their parent would hold ports, and the pipe. Their
	// group keeps its number as long as there is one.
	_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
	select {
	case <-read:
	case <-time.After(time.Second): // a grandchild holds the pipe
	}
	out.Close()
	<-read
	d.guard.dismiss()
	d.Log.end()
	close(done)
}

// PID is the process id of the daemon and the number of its process group.
func (d *Daemon) PID() int { return d.cmd.Process.Pid }

// Signal sends a signal to the daemon alone.
func (d *Daemon) Signal(s os.Signal) error { return d.cmd.Process.Signal(s) }

// Stop asks the daemon to end, and kills it if it does not. It may be called
// again, and for nil.
func (d *Daemon) Stop() error {
	if d == nil {
		return nil
	}
	d.signalGroup(syscall.SIGTERM)
	select {
	case <-d.Done:
		return nil
	case <-time.After(stopGrace):
	}
	d.signalGroup(syscall.SIGKILL)
	<-d.Done
	return fmt.Errorf("stop %s: it had to be killed", d.cmd.Path)
}

// Kill ends the daemon at once, as kill -9 does.
func (d *Daemon) Kill() {
	d.signalGroup(syscall.SIGKILL)
	<-d.Done
}

// Pause stops the daemon and its children in their tracks, so that they neither
// answer nor close anything. Resume lets them go on.
func (d *Daemon) Pause() { d.signalGroup(syscall.SIGSTOP) }

// Resume ends a Pause.
func (d *Daemon) Resume() { d.signalGroup(syscall.SIGCONT) }

// Wait waits for the end of the daemon and returns its exit error.
func (d *Daemon) Wait(ctx context.Context) error {
	select {
	case <-d.Done:
		return d.err
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", d.cmd.Path, ctx.Err())
	}
}

func (d *Daemon) signalGroup(s syscall.Signal) {
	select {
	case <-d.Done: // the number may belong to somebody else by now
	default:
		_ = syscall.Kill(-d.cmd.Process.Pid, s)
	}
}

// guard ends a process group when this program has died without doing so: its
// end of a pipe is closed then, however it died. A deferred call would not run
// after kill -9, or when a test times out.
type guard struct {
	cmd  *exec.Cmd
	pipe io.WriteCloser
}

const guardScript = `read -r word; [ "$word" = dismissed ] || kill -s TERM -- "-$1"`

func watchOver(group int) (*guard, error) {
	cmd := exec.Command("sh", "-c", guardScript, "guard", strconv.Itoa(group))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	return &guard{cmd: cmd, pipe: pipe}, nil
}

func (g *guard) dismiss() {
	if g == nil {
		return
	}
	_, _ = io.WriteString(g.pipe, "dismissed\n")
	_ = g.pipe.Close()
	_ = g.cmd.Wait()
}
