package filter_test

import (
	"testing"

	"proxyfilter/filter"
)

func TestPoliciesFor(t *testing.T) {
	local := filter.Client{Local: true}
	authenticated := filter.Client{Authenticated: true}
	policies := filter.Policies{
		Default: filter.Policy{Name: filter.DefaultPolicy, RejectAt: 10},
	}
	policies.Listeners = map[string]filter.Policy{"submission": policies.Own(), "hosting": policies.Default}
	for _, test := range []struct {
		name, listener string
		client         filter.Client
		own            bool
	}{
		{"mail from outside", "", filter.Client{}, false},
		{"mail from one's own networks", "", local, true},
		{"authenticated mail", "", authenticated, true},
		{"a listener without a policy has no say about mail from outside", "other", filter.Client{}, false},
		{"a listener without a policy has no say about own mail", "other", authenticated, true},
		{"everything through a listener for own mail", "submission", filter.Client{}, true},
		{"nothing through a listener with the default policy: local", "hosting", local, false},
		{"nothing through a listener with the default policy: authenticated", "hosting", authenticated, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := policies.For(filter.Envelope{Listener: test.listener, Client: test.client}, "b@example.org").Policy
			want := filter.DefaultPolicy
			if test.own {
				want = filter.OwnPolicy
			}
			if p.Name != want || p.TagOnly != test.own || p.RejectAt != 10 {
				t.Errorf("got %+v", p)
			}
		})
	}
	if policies.Default.TagOnly {
		t.Error("the default policy was changed")
	}
}
