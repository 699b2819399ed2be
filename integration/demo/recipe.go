package main

import (
	"os"
	"path/filepath"
	"strings"

	"proxyfilter/integration/rig"
)

// recipe prints what the reader would put into files of his own. It is the text
// of examples/postfix, from which the demo ran, without the comments.
func recipe(screen *screen) error {
	root, err := rig.Root()
	if err != nil {
		return err
	}
	screen.title("For your own Postfix (examples/postfix has the reason for each line)")
	for _, file := range []string{"main.cf", "master.cf"} {
		text, err := os.ReadFile(filepath.Join(root, "examples/postfix", file))
		if err != nil {
			return err
		}
		screen.line(bold, "  /etc/postfix/%s:", file)
		for line := range strings.Lines(withoutComments(inbound(string(text)))) {
			screen.line(cyan, "%s", strings.TrimRight(line, "\n"))
		}
		screen.line("", "")
	}
	return nil
}

// inbound is the part about mail from the Internet: everything before the
// headings that speak of the listeners for one's own users.
func inbound(text string) string {
	text, _, _ = strings.Cut(text, "\n# ---- 3.")
	text, _, _ = strings.Cut(text, "\n# ---- Only together with listeners 3")
	return text
}

func withoutComments(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if trimmed := strings.TrimSpace(line); trimmed != "" && trimmed[0] != '#' {
			b.WriteString(line)
		}
	}
	return b.String()
}
