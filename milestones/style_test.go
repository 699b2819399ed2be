package milestones

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The sizes. What separates a code that one can hold in one's head from one that
// nobody can is its longest file and its longest function.
const (
	maxFile     = 300
	maxFunction = 40
	maxWire     = 400 // all of relay/wire together: the part that must be right
)

func TestShape(t *testing.T) {
	documented := make(map[string]bool)
	wire := 0
	for _, s := range sources(t) {
		for _, c := range style(s) {
			t.Error(c)
		}
		documented[s.pkg] = documented[s.pkg] || s.file.Doc != nil
		if s.pkg == "relay/wire" && !s.test {
			wire += length(s)
		}
	}
	for pkg, yes := range documented {
		if !yes {
			t.Errorf("%s: no package comment", pkg)
		}
	}
	if wire > maxWire {
		t.Errorf("relay/wire: %d lines, more than %d", wire, maxWire)
	}
}

// style are the complaints about one file.
func style(s source) []string {
	all := append(badNames(s), sizes(s)...)
	if s.test {
		return all
	}
	all = append(all, globals(s)...)
	all = append(all, undocumented(s)...)
	return append(all, codes(s)...)
}

func (s source) complain(n ast.Node, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: ", s.path, s.line(n)) + fmt.Sprintf(format, args...)
}

func length(s source) int { return s.fset.File(s.file.Pos()).LineCount() }

func sizes(s source) []string {
	var all []string
	if n := length(s); n > maxFile {
		all = append(all, s.complain(s.file, "%d lines, more than %d", n, maxFile))
	}
	if s.test {
		return all // a table in a function is still a table
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		if n := s.fset.Position(f.End()).Line - s.line(f) + 1; n > maxFunction {
			all = append(all, s.complain(f, "function %s has %d lines, more than %d", f.Name.Name, n, maxFunction))
		}
	}
	return all
}

// badNames are names that say nothing about what is inside.
func badNames(s source) []string {
	bad := []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "misc", "impl", "shared"}
	var all []string
	file := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".go"), "_test")
	for _, word := range append(strings.Split(file, "_"), path.Base(s.pkg)) {
		if slices.Contains(bad, word) {
			all = append(all, s.complain(s.file, "%q is no name: what is inside?", word))
		}
	}
	return all
}

// globals are variables of packages, and init. What Go cannot write as a constant
// is allowed: errors, regular expressions, literal bytes and arrays. So is what
// only a compiler or linker sets, if its comment says so.
func globals(s source) []string {
	var all []string
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				all = append(all, s.complain(d, "func init: do it where it is used"))
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				if !constant(v) && !set(d, v) {
					all = append(all, s.complain(v, "variable %s of a package", v.Names[0].Name))
				}
			}
		}
	}
	return all
}

func set(d *ast.GenDecl, v *ast.ValueSpec) bool {
	comment := d.Doc.Text() + v.Doc.Text()
	if d.Doc != nil {
		for _, c := range d.Doc.List {
			comment += c.Text
		}
	}
	return strings.Contains(comment, "//go:embed") || len(v.Values) == 0 && strings.Contains(comment, "-X main.")
}

func constant(v *ast.ValueSpec) bool {
	if v.Names[0].Name == "_" {
		return true
	}
	for _, value := range v.Values {
		switch value := value.(type) {
		case *ast.CallExpr:
			if !constantCall(value) {
				return false
			}
		case *ast.CompositeLit:
			array, ok := value.Type.(*ast.ArrayType)
			if !ok || array.Len == nil {
				return false
			}
		default:
			return false
		}
	}
	return len(v.Values) > 0
}

func constantCall(call *ast.CallExpr) bool {
	switch f := call.Fun.(type) {
	case *ast.ArrayType: // []byte("…")
		return true
	case *ast.SelectorExpr:
		pkg, ok := f.X.(*ast.Ident)
		return ok && slices.Contains([]string{"errors.New", "fmt.Errorf", "regexp.MustCompile", "netip.MustParsePrefix"}, pkg.Name+"."+f.Sel.Name)
	}
	return false
}

// undocumented are exported names without a comment that begins with them.
func undocumented(s source) []string {
	var all []string
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && exportedReceiver(d) && !starts(d.Doc, d.Name.Name) {
				all = append(all, s.complain(d, "%s: want a comment that begins with its name", d.Name.Name))
			}
		case *ast.GenDecl:
			all = append(all, undocumentedSpecs(s, d)...)
		}
	}
	return all
}

// undocumentedSpecs takes a comment above a group for all of it.
func undocumentedSpecs(s source, d *ast.GenDecl) []string {
	var all []string
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && !starts(d.Doc, spec.Name.Name) && !starts(spec.Doc, spec.Name.Name) {
				all = append(all, s.complain(spec, "type %s: want a comment that begins with its name", spec.Name.Name))
			}
		case *ast.ValueSpec:
			if spec.Names[0].IsExported() && d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				all = append(all, s.complain(spec, "%s: want a comment", spec.Names[0].Name))
			}
		}
	}
	return all
}

func exportedReceiver(f *ast.FuncDecl) bool {
	if f.Recv == nil {
		return true
	}
	name := ""
	ast.Inspect(f.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return ast.IsExported(name)
}

func starts(doc *ast.CommentGroup, name string) bool {
	text := strings.TrimSpace(doc.Text())
	for _, article := range []string{"A ", "An ", "The "} {
		text = strings.TrimPrefix(text, article)
	}
	return strings.HasPrefix(text, name)
}

// replyCode is a reply of SMTP, RFC 5321 4.2.3 and RFC 4954.
var replyCode = regexp.MustCompile(`^(2(11|14|20|21|35|50|51|52)|3(34|54)|4(21|50|51|52|54|55)|5(00|01|02|03|04|21|30|35|5[0-6]))$`)

// codes are numbers that look like replies of SMTP outside of relay, the only
// place that turns decisions into codes. A factor is none (250 * time.Millisecond),
// nor is a limit (maxText = 250).
func codes(s source) []string {
	if s.pkg == "relay" || strings.HasPrefix(s.pkg, "relay/") || strings.HasPrefix(s.pkg, "integration") {
		return nil
	}
	factors := make(map[ast.Node]bool)
	var all []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			return !strings.HasPrefix(n.Names[0].Name, "max")
		case *ast.BinaryExpr:
			if n.Op == token.MUL || n.Op == token.SHL {
				factors[n.X], factors[n.Y] = true, true
			}
		case *ast.BasicLit:
			if code := literal(n); !factors[n] && replyCode.MatchString(code) {
				all = append(all, s.complain(n, "%s looks like a reply of SMTP: only relay knows those", n.Value))
			}
		}
		return true
	})
	return all
}

// literal is a number, or the one that a text begins with.
func literal(n *ast.BasicLit) string {
	if n.Kind != token.STRING {
		return n.Value
	}
	text, err := strconv.Unquote(n.Value)
	if err != nil || len(text) < 6 || text[3] != ' ' {
		return ""
	}
	return text[:3]
}
