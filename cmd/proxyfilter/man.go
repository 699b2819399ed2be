//go:build man

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// With the tag "man" the program has one more command, which writes its own
// manual: `go run -tags man ./cmd/proxyfilter man DIR`. The program that is
// installed does not need it.
func extraCommands() []*cobra.Command {
	return []*cobra.Command{{
		Use: "man DIR", Short: "Write manual pages and shell completions", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error { return manual(cmd.Root(), args[0]) },
	}}
}

// manual writes what a package installs: section 8, and the completions.
func manual(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	header := &doc.GenManHeader{Section: "8", Source: "proxyfilter " + thisBuild().Version, Manual: "System administration"}
	if date, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil { // reproducible-builds.org
		at := time.Unix(date, 0).UTC()
		header.Date = &at
	}
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true
	if err := doc.GenManTree(root, header, dir); err != nil {
		return fmt.Errorf("manual pages: %w", err)
	}
	if err := configurationPage(*header, dir); err != nil {
		return fmt.Errorf("manual page of the configuration: %w", err)
	}
	for shell, write := range map[string]func(string) error{
		"bash": func(file string) error { return root.GenBashCompletionFileV2(file, true) },
		"zsh":  root.GenZshCompletionFile,
		"fish": func(file string) error { return root.GenFishCompletionFile(file, true) },
	} {
		if err := write(filepath.Join(dir, "completion."+shell)); err != nil {
			return fmt.Errorf("completion for %s: %w", shell, err)
		}
	}
	return nil
}

// configurationPage is proxyfilter.toml(5): what `help configuration` prints.
func configurationPage(header doc.GenManHeader, dir string) error {
	header.Section, header.Title, header.Manual = "5", "PROXYFILTER.TOML", "File formats"
	file, err := os.Create(filepath.Join(dir, "proxyfilter.toml.5"))
	if err != nil {
		return err
	}
	defer file.Close()
	topic := configurationTopic()
	page := &cobra.Command{Use: "proxyfilter.toml", Short: topic.Short, Long: "```\n" + topic.Long + "\n```", Run: func(*cobra.Command, []string) {}}
	page.DisableAutoGenTag, page.DisableFlagsInUseLine = true, true
	if err := doc.GenMan(page, &header, file); err != nil {
		return err
	}
	return file.Close()
}
