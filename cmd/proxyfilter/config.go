package main

import (
	"net/netip"
	"time"

	"proxyfilter/filter"
)

// config is everything an administrator can choose. Nothing outside this
// package knows it: wire.go turns it into the small structs of the packages
// that do the work.
type config struct {
	Server    serverConfig
	Relay     relayConfig
	Listeners []listenerConfig // in the order of the file
	Budget    budgetConfig
	Spamd     spamdConfig
	Clamd     clamdConfig
	Policy    policyConfig
	Policies  []namedPolicy // in the order of the file
	Guard     guardConfig
	Lists     listsConfig
	Log       logConfig
	Status    statusConfig
	Metrics   metricsConfig
	Journal   journalConfig
	Store     storeConfig

	dir string // of the configuration file: names of further files begin there
}

type serverConfig struct {
	Listen         []address
	Hostname       string
	AuthServID     string // empty: Hostname
	Allow          []netip.Prefix
	MaxConnections int
	IdleTimeout    time.Duration
	MaxMessage     int64 // 0: what the next hop announces
	Hygiene        string
	Drain          time.Duration
	Takeover       string // a path; "": the default; noTakeover: nowhere
}

type relayConfig struct {
	NextHop        address
	Client         string
	Connect        string
	Connections    int
	Idle           int
	ConnectTimeout time.Duration
}

// listenerConfig is a further front door. An empty NextHop is relay.next_hop, an
// empty Client relay.client; an empty Policy lets each message's envelope choose.
type listenerConfig struct {
	Name    string
	Listen  []address
	NextHop address
	Client  string
	Policy  string
}

type budgetConfig struct {
	Wait, Verdict, Commit, Reply time.Duration
	Memory, SpillAt              int64
	SpoolDir                     string
}

type spamdConfig struct {
	Servers        []address
	Balance        string
	Slots          int
	User           string
	SharedUser     string
	ScanLimit      int64
	ConnectTimeout time.Duration
}

type clamdConfig struct {
	Server         address // zero: there is none
	Slots          int
	ScanLimit      int64
	ConnectTimeout time.Duration
	Timeout        time.Duration
	OnScanFailure  string
}

type policyConfig struct {
	Mode          string
	TagAt         float64 // 0: the threshold in spamd's reply
	RejectAt      float64 // 0: never
	OnScanFailure string
	OnBusy        string
	BlindLimit    time.Duration
	Virus         string
	IgnoreHealth  bool
	RejectText    string
	Contact       string
	Headers       string

	Fields                []filter.Field
	SilenceAutoresponders bool
	SubjectPrefix         string

	Forwarded         entries[string]
	ForwardedRejectAt float64 // 0: never
	Forwarders        entries[netip.Prefix]
	ListsRejectAt     float64 // 0: a margin above RejectAt

	// Of [policy] only: they are about several policies.
	Mixed              string
	PanicFile          string // empty: none
	SpeedAdjust        string // what Postfix does
	RecipientDelimiter string
	PolicyMap          string // empty: none
	OnMapFailure       string
}

type listsConfig struct {
	AcceptClients, RefuseClients       entries[netip.Prefix]
	AcceptRecipients, RefuseRecipients entries[string]
	AcceptSenders, RefuseSenders       entries[string]
	AcceptSigned                       entries[string]
}

type logConfig struct{ Level, Format string }

type statusConfig struct {
	Listen    address
	Details   address
	TokenFile string
	Pprof     bool
}

type metricsConfig struct{ Listen address }

type journalConfig struct {
	Dir                 string // empty: none
	Keep, KeepAddresses time.Duration
	Subject             bool
}

// storeConfig is where the program remembers what must outlast it. Without a Path or
// a URL that is nowhere.
type storeConfig struct {
	Kind    string
	Path    string      // of kind "embedded"
	URL     redisServer // of kind "redis": one of the two
	URLFile redisServer
}
