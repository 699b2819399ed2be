package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServicesOfPostfixAreReadWithWhatMainCfSays(t *testing.T) {
	const overrides = "smtp/inet/smtpd_proxy_filter = 127.0.0.1:10024\n" +
		"smtp/inet/smtpd_proxy_options = speed_adjust\n" +
		"smtp/inet/smtpd_proxy_timeout = 100s\n" +
		"127.0.0.1:10025/inet/smtpd_proxy_filter =\n" +
		"submission/inet/smtpd_proxy_options = \n" +
		"nonsense\n"
	for name, test := range map[string]struct {
		defaults string
		want     []service
	}{
		"nothing": {"smtpd_proxy_filter =\nsmtpd_proxy_options =\n", []service{
			{"smtpd (main.cf)", "", ""},
			{"smtp/inet", "127.0.0.1:10024", "speed_adjust"},
			{"127.0.0.1:10025/inet", "", ""},
			{"submission/inet", "", ""},
		}},
		"something": {"smtpd_proxy_filter = inet:127.0.0.1:10024\nsmtpd_proxy_options = speed_adjust\n", []service{
			{"smtpd (main.cf)", "inet:127.0.0.1:10024", "speed_adjust"},
			{"smtp/inet", "127.0.0.1:10024", "speed_adjust"},
			{"127.0.0.1:10025/inet", "", "speed_adjust"},
			{"submission/inet", "inet:127.0.0.1:10024", ""},
		}},
	} {
		got := services(overrides, test.defaults)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(service{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
