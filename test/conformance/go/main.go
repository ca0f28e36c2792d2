// Plays fluxd towards an upstream, with Flux's own code: the websocket on which it is the RPC server, and the
// events that it posts. What happens is told on stdout, one JSON object a line; commands come on stdin, one word a
// line: "events" posts every kind of event once, "quit" or the end of input ends the program.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/fluxcd/flux/pkg/api"
	transport "github.com/fluxcd/flux/pkg/http"
	"github.com/fluxcd/flux/pkg/http/client"
	"github.com/fluxcd/flux/pkg/http/daemon"
	"github.com/fluxcd/flux/pkg/remote"
)

type fact map[string]interface{}

var stdout sync.Mutex

func tell(f fact) {
	stdout.Lock()
	defer stdout.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(f); err != nil {
		os.Exit(1)
	}
}

// fakeDaemon answers as its mock does, and tells when it is asked its version.
type fakeDaemon struct {
	*remote.MockServer
}

func (d fakeDaemon) Version(ctx context.Context) (string, error) {
	tell(fact{"fact": "version-asked"})
	return d.MockServer.Version(ctx)
}

var _ api.Server = fakeDaemon{}

// upstreamLog tells what the upstream client logs: connecting, connected, disconnected, err.
type upstreamLog struct{}

func (upstreamLog) Log(keyvals ...interface{}) error {
	f := fact{"fact": fmt.Sprint(keyvals[0])}
	for i := 0; i+1 < len(keyvals); i += 2 {
		f[fmt.Sprint(keyvals[i])] = fmt.Sprint(keyvals[i+1])
	}
	tell(f)
	return nil
}

// wire keeps what the last event looked like on its way to the upstream.
type wire struct {
	path, authorization, contentType, body string
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	*w = wire{request.URL.Path, request.Header.Get("Authorization"), request.Header.Get("Content-Type"), string(body)}
	return http.DefaultTransport.RoundTrip(request)
}

func main() {
	connect := flag.String("connect", "", "the upstream's URL, as for fluxd")
	token := flag.String("token", "", "the token, as for fluxd")
	version := flag.String("version", "1.25.4", "the version that this daemon says it is")
	flag.Parse()

	var sent wire
	// As in Flux's cmd/fluxd/main.go.
	upstream, err := daemon.NewUpstream(
		&http.Client{Timeout: 10 * time.Second, Transport: &sent},
		"fluxd/"+*version,
		client.Token(*token),
		transport.NewUpstreamRouter(),
		*connect,
		fakeDaemon{&remote.MockServer{VersionAnswer: *version}},
		10*time.Second,
		upstreamLog{},
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	commands := bufio.NewScanner(os.Stdin)
	for commands.Scan() && commands.Text() != "quit" {
		if commands.Text() != "events" {
			fmt.Fprintln(os.Stderr, "unknown command:", commands.Text())
			os.Exit(1)
		}
		for _, e := range events() {
			f := fact{"fact": "event-accepted", "type": e.Type, "description": describe(e)}
			if err := upstream.LogEvent(e); err != nil {
				f["fact"] = "event-refused"
				f["error"] = err.Error()
			}
			f["path"], f["authorization"], f["contentType"], f["body"] = sent.path, sent.authorization, sent.contentType, sent.body
			tell(f)
		}
		tell(fact{"fact": "events-posted"})
	}
	_ = upstream.Close()
}
