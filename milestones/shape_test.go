package milestones

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "proxyfilter"

// place is what one package may import: packages of ours, and modules of others.
type place struct {
	ours   []string
	others []string
}

// plan says which packages there are, and who may import whom. A package that is
// not in it may not exist: adding one means adding a line here, and a reviewer.
//
// relay carries, filter decides, cmd/proxyfilter introduces them. Siblings under
// filter never meet but there, modules of others are leaves, and what integration
// tests it reaches over sockets only.
func plan() map[string]place {
	return map[string]place{
		"cmd/proxyfilter": {
			ours: []string{"cmd/proxyfilter/reportpage", "cmd/proxyfilter/status", "cmd/proxyfilter/takeover", "filter", "filter/guard", "filter/journal", "filter/review", "filter/spamd", "filter/clamd", "filter/dkim", "filter/exceptions", "filter/socketmap", "filter/store/embedded", "filter/store/redis", "relay"},
			others: []string{
				"github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/pelletier/go-toml/v2", "github.com/hashicorp/go-multierror",
				"github.com/rs/zerolog", "github.com/prometheus/client_golang", "github.com/coreos/go-systemd/v22", "golang.org/x/sys",
			},
		},
		"cmd/proxyfilter/markup":     {},
		"cmd/proxyfilter/reportpage": {ours: []string{"cmd/proxyfilter/markup", "filter", "filter/review"}},
		"cmd/proxyfilter/status":     {ours: []string{"cmd/proxyfilter/markup", "filter"}},
		"cmd/proxyfilter/takeover":   {others: []string{"golang.org/x/sys"}},
		"filter":                     {},
		"filter/journal":             {ours: []string{"filter"}},
		"filter/review":              {ours: []string{"filter"}},
		"filter/guard":               {ours: []string{"filter"}},
		"filter/exceptions":          {ours: []string{"filter"}},
		"filter/exceptions/exceptionstest": {
			ours: []string{"filter", "filter/exceptions"},
		},
		"filter/spamd": {
			ours:   []string{"filter"},
			others: []string{"github.com/teamwork/spamc", "github.com/sony/gobreaker/v2", "github.com/hashicorp/go-multierror"},
		},
		"filter/spamd/spamdtest":         {},
		"filter/clamd":                   {ours: []string{"filter"}},
		"filter/clamd/clamdtest":         {},
		"filter/socketmap":               {},
		"filter/socketmap/socketmaptest": {},
		"filter/store/embedded":          {others: []string{"go.etcd.io/bbolt"}},
		"filter/store/redis":             {others: []string{"github.com/redis/go-redis/v9", "github.com/sony/gobreaker/v2"}},
		"filter/store/storetest":         {},
		"filter/dkim":                    {ours: []string{"filter"}, others: []string{"github.com/emersion/go-msgauth", "golang.org/x/net"}},
		"relay": {
			ours: []string{"filter", "relay/wire"},
			others: []string{
				"github.com/emersion/go-smtp", "github.com/emersion/go-message", "github.com/rs/zerolog",
				"golang.org/x/sys", "golang.org/x/sync",
			},
		},
		"relay/wire":           {},
		"relay/relaytest":      {},
		"milestones":           {},
		"integration":          {},
		"integration/dialogue": {},
		"integration/faults":   {ours: []string{"filter/spamd/spamdtest", "relay/relaytest"}},
		"integration/rig":      {others: []string{"golang.org/x/sys"}},
		"integration/ship":     {},
		"integration/ledger":   {ours: []string{"integration/rig"}},
		"integration/kills":    {ours: []string{"integration/rig", "integration/ledger"}},
		"integration/verify":   {ours: []string{"integration/rig"}},
		"integration/soak":     {ours: []string{"filter/spamd/spamdtest", "integration/rig", "integration/ledger"}},
		"integration/bench":    {ours: []string{"integration/rig"}},
		"integration/demo":     {ours: []string{"filter/spamd/spamdtest", "integration/rig", "relay/relaytest"}},
	}
}

// onlyIn says which file of a package may import a module that would otherwise
// spread through it.
func onlyIn() map[string]string {
	return map[string]string{"github.com/emersion/go-message": "relay/header"}
}

// impure is what deciding must not need (filter, the root package): it can be
// replayed from records, on another machine, years later.
func impure() []string {
	return []string{"net", "net/http", "os", "log", "log/slog", "syscall", "os/exec"}
}

// source is one Go file of ours.
type source struct {
	path string // from the top of the repository
	pkg  string // its folder
	test bool
	fset *token.FileSet
	file *ast.File
}

func (s source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// sources parses every Go file below the top.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir("..", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel("..", p)
		if err != nil {
			return err
		}
		s, err := parse(filepath.ToSlash(rel), nil, p)
		all = append(all, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d files found: the walk is broken", len(all))
	}
	return all
}

// parse reads text, or else the file.
func parse(rel string, text any, file string) (source, error) {
	s := source{path: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), fset: token.NewFileSet()}
	var err error
	s.file, err = parser.ParseFile(s.fset, file, text, parser.ParseComments)
	return s, err
}

func TestImportsFollowThePlan(t *testing.T) {
	used := make(map[string]bool)
	for _, s := range sources(t) {
		used[s.pkg] = true
		for _, complaint := range imports(s) {
			t.Error(complaint)
		}
	}
	for pkg := range plan() {
		if !used[pkg] {
			t.Errorf("%s is in the plan, and there is no such package", pkg)
		}
	}
}

// imports are the complaints about one file. Tests may import what they need.
func imports(s source) []string {
	allowed, known := plan()[s.pkg]
	if !known {
		return []string{s.path + ": package " + s.pkg + " is not in the plan"}
	}
	if s.test {
		return nil
	}
	var complaints []string
	for _, spec := range s.file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if why := forbidden(s, allowed, name); why != "" {
			complaints = append(complaints, s.path+": "+s.pkg+" must not import "+name+why)
		}
	}
	return complaints
}

func forbidden(s source, allowed place, name string) (why string) {
	ours, isOurs := strings.CutPrefix(name, module+"/")
	switch {
	case isOurs && slices.Contains(allowed.ours, ours):
	case isOurs && strings.HasSuffix(ours, "test"):
		return ": the program carries no test code"
	case isOurs:
		return ": that arrow is not in the plan"
	case name == "testing" || strings.HasPrefix(name, "testing/"):
		return ": the program carries no test code"
	case s.pkg == "filter" && slices.Contains(impure(), name):
		return ": deciding is pure"
	case name == "text/template" || name == "html/template":
		return ": with it the linker keeps every method of every type (cmd/proxyfilter/markup)"
	case !strings.Contains(strings.Split(name, "/")[0], "."): // the standard library
	default:
		return foreign(s, allowed, name)
	}
	return ""
}

func foreign(s source, allowed place, name string) (why string) {
	within := func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") }
	if !slices.ContainsFunc(allowed.others, within) {
		return ": that module has no place here"
	}
	for m, file := range onlyIn() {
		if within(m) && !strings.HasPrefix(s.path, file) {
			return ": only " + file + "*.go may"
		}
	}
	return ""
}
