package main

import "strconv"

// truth is true or false, without quotation marks.
func truth(to *bool) value {
	return setting[bool]{
		to: to,
		read: func(l literal) (bool, error) {
			switch {
			case l.kind == kindText:
				return false, wrongf("write true or false, without quotation marks", "%s is in quotation marks", quote(l.text))
			case l.kind != kindList && l.text == "true":
				return true, nil
			case l.kind != kindList && l.text == "false":
				return false, nil
			}
			return false, wrongf("", "this is not true or false")
		},
		show: strconv.FormatBool,
		want: "true or false",
	}
}
