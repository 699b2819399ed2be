package markup

import "strings"

// state is what a browser is in the middle of.
type state string

const (
	text   state = "" // so that the zero place is a page's beginning
	tag    state = "a tag"
	quoted state = "an attribute"
)

// place is where a page is. It follows our own HTML only: values are escaped, and
// change nothing.
type place struct {
	state state
	raw   string // the element whose text is not HTML: a style or a script
	link  bool   // a quoted attribute has just begun that is an address
	read  string // of a tag, since it began
}

func (p *place) follow(html string) {
	for _, c := range html {
		switch {
		case p.state == quoted:
			p.link = false
			if c == '"' {
				p.state = tag
			}
		case p.state == tag:
			p.inTag(c)
		case c == '<':
			p.state, p.read = tag, ""
		}
	}
}

func (p *place) inTag(c rune) {
	switch c {
	case '>':
		p.state = text
		p.leave()
	case '"':
		p.state = quoted
		p.link = leads(p.read)
	default:
		p.read += string(c)
	}
}

// leave ends a tag. In a style nothing but its own end is one; there is no "<" in ours.
func (p *place) leave() {
	name, _, _ := strings.Cut(strings.ToLower(p.read), " ")
	switch name {
	case "style", "script":
		p.raw = name
	case "/" + p.raw:
		p.raw = ""
	}
}

// leads reports whether the attribute that begins is an address.
func leads(tag string) bool {
	name := tag[strings.LastIndexAny(tag, " \n")+1:]
	switch strings.ToLower(name) {
	case "href=", "src=", "action=", "formaction=":
		return true
	}
	return false
}
