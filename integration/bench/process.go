package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// process is a serving role of this program in a process of its own.
type process struct {
	Addr string
	name string
	pid  int

	in      io.WriteCloser
	answers *bufio.Scanner
	wait    func() error
}

// start runs a role and reads its address.
func start(ctx context.Context, errs io.Writer, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Stderr = errs
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", args[0], err)
	}
	h := &process{name: args[0], pid: cmd.Process.Pid, in: in, answers: bufio.NewScanner(out), wait: cmd.Wait}
	if err := h.answer(h); err != nil {
		h.stop()
		return nil, err
	}
	return h, nil
}

// ask sends one question and reads the answer into to.
func (h *process) ask(question string, to any) error {
	if _, err := fmt.Fprintln(h.in, question); err != nil {
		return fmt.Errorf("%s: %w", h.name, err)
	}
	return h.answer(to)
}

func (h *process) answer(to any) error {
	if !h.answers.Scan() {
		return fmt.Errorf("%s has ended: %w", h.name, io.ErrUnexpectedEOF)
	}
	if err := json.Unmarshal(h.answers.Bytes(), to); err != nil {
		return fmt.Errorf("%s answered %q: %w", h.name, h.answers.Bytes(), err)
	}
	return nil
}

// stop ends the process. Its end of input is its order to leave.
func (h *process) stop() {
	_ = h.in.Close()
	_ = h.wait()
}

// generate runs the generator in its own process.
func generate(ctx context.Context, errs io.Writer, l load) (result, error) {
	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	cmd := exec.CommandContext(ctx, self, l.args()...)
	cmd.Stderr = errs
	out, err := cmd.Output()
	if err != nil {
		return result{}, fmt.Errorf("load generator: %w", err)
	}
	var r result
	if err := json.Unmarshal(out, &r); err != nil {
		return result{}, fmt.Errorf("load generator answered %q: %w", out, err)
	}
	return r, nil
}

// args are the arguments that make runLoad this load.
func (l load) args() []string {
	args := []string{
		"load", "-addr", l.addr, "-run", strconv.FormatUint(uint64(l.run), 10),
		"-sessions", strconv.Itoa(l.sessions), "-messages", strconv.Itoa(l.messages),
		"-size", strconv.Itoa(l.size), "-timeout", l.timeout.String(),
	}
	if l.together {
		args = append(args, "-together")
	}
	return args
}
