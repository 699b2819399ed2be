package rig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Check is what `postfix check` and postconf complain about: nothing, if all is
// well. The first run also fills the queue directory.
//
// It looks at a copy of the configuration that logs to a file. There is no master
// yet whose standard output could be the log, and what cannot be logged is lost.
func (p *Postfix) Check() (string, error) {
	config, complaints := filepath.Join(p.dir, "check"), filepath.Join(p.dir, "check.log")
	main, err := os.ReadFile(filepath.Join(p.config(), "main.cf"))
	if err != nil {
		return "", err
	}
	main = bytes.Replace(main, []byte(logToMaster), fmt.Appendf(nil, "maillog_file = %s\nmaillog_file_prefixes = %s", complaints, p.dir), 1)
	master, err := os.ReadFile(filepath.Join(p.config(), "master.cf"))
	if err != nil {
		return "", err
	}
	if err := errors.Join(os.MkdirAll(config, 0o755), os.WriteFile(filepath.Join(config, "main.cf"), main, 0o644),
		os.WriteFile(filepath.Join(config, "master.cf"), master, 0o644)); err != nil {
		return "", err
	}
	out, err := commandFor(config, "postfix", "check").CombinedOutput()
	logged, _ := os.ReadFile(complaints) // there is none if all is well
	return strings.Join(complaint.FindAllString(string(out)+string(logged), -1), "\n"), err
}

// complaint is a line that is not just news, such as Debian's about files that
// were copied for the chroot.
var complaint = regexp.MustCompile(`(?m)^.*\b(?:warning|error|fatal|panic): .*$`)

func (p *Postfix) write() error {
	if err := p.makeDirectories(); err != nil {
		return err
	}
	if err := writeCertificate(p.config()); err != nil {
		return err
	}
	main, err := os.ReadFile(filepath.Join(p.root, "examples/postfix/main.cf"))
	if err != nil {
		return err
	}
	if p.users, err = serveUsers(); err != nil {
		return err
	}
	text := p.mainPart() + p.fit(string(main)) + strings.Join(append(p.opts.Main, ""), "\n")
	if err := os.WriteFile(filepath.Join(p.config(), "main.cf"), []byte(text), 0o644); err != nil {
		return err
	}
	return p.writeMaster()
}

// settingName finds the lines that set a parameter, in main.cf and in master.cf.
var settingName = regexp.MustCompile(`(?m)^(?:\s+-o )?(\w+) ?=.*\n`)

// fit makes an example fit the installed Postfix: with this rig's signer, and
// without the parameters that this release is too old to know, about which it
// would warn. The examples say which those are.
func (p *Postfix) fit(example string) string {
	example = strings.Replace(example, "\nsigning_milters =\n", "\nsigning_milters = "+p.opts.Signer+"\n", 1)
	args := []string{"-d"}
	for _, match := range settingName.FindAllStringSubmatch(example, -1) {
		args = append(args, match[1])
	}
	out, _ := commandFor(p.config(), "postconf", args...).CombinedOutput()
	return settingName.ReplaceAllStringFunc(example, func(line string) string {
		name := settingName.FindStringSubmatch(line)[1]
		if name != "signing_milters" && bytes.Contains(out, []byte(" "+name+": unknown parameter")) {
			return ""
		}
		return line
	})
}

// makeDirectories makes those that Postfix does not make by itself.
func (p *Postfix) makeDirectories() error {
	owner, err := user.Lookup("postfix")
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(owner.Uid)
	if err != nil {
		return err
	}
	for dir, uid := range map[string]int{
		p.config(): 0, filepath.Join(p.dir, "queue"): 0,
		filepath.Join(p.dir, "data"): uid, filepath.Dir(p.mailbox()): mailboxUID,
	} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chown(dir, uid, -1)); err != nil {
			return err
		}
	}
	return nil
}

// writeMaster renders master.cf without the named services, and those that this
// instance never has.
func (p *Postfix) writeMaster(without ...string) error {
	examples := filepath.Join(p.root, "examples/postfix")
	master, err := os.ReadFile(filepath.Join(examples, "master.cf"))
	if err != nil {
		return err
	}
	var instead []byte
	if p.opts.XClient {
		if instead, err = os.ReadFile(filepath.Join(examples, "master-xclient.cf")); err != nil {
			return err
		}
	}
	text := p.layout.render(p.fit(string(master)), p.fit(string(instead)), slices.Concat(p.without, without))
	if p.opts.Edit != nil {
		text = p.opts.Edit(text)
	}
	return os.WriteFile(filepath.Join(p.config(), "master.cf"), []byte(text), 0o644)
}
