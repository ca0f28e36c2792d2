package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/fluxcd/flux/pkg/event"
	"github.com/fluxcd/flux/pkg/image"
	"github.com/fluxcd/flux/pkg/policy"
	"github.com/fluxcd/flux/pkg/resource"
	"github.com/fluxcd/flux/pkg/update"
)

var (
	started = time.Date(2020, time.June, 1, 12, 30, 15, 123456789, time.UTC)
	ended   = started.Add(1500 * time.Millisecond)

	podinfo   = resource.MustParseID("demo:deployment/podinfo")
	database  = resource.MustParseID("demo:statefulset/db.main_1")
	helm      = resource.MustParseID("apps:fluxhelmrelease/api:v2")
	namespace = resource.MakeID("<cluster>", "namespace", "demo")
	nameless  = resource.MakeID("<cluster>", "namespace", "")
	legacy    = resource.MustParseID("demo/helloworld")

	cause = update.Cause{User: "Jane Doe <jane@example.com>", Message: "fix \"the\" <thing> & more"}
)

func ref(s string) image.Ref {
	r, err := image.ParseRef(s)
	if err != nil {
		panic(err)
	}
	return r
}

func result() update.Result {
	return update.Result{
		podinfo: {
			Status: update.ReleaseStatusSuccess,
			PerContainer: []update.ContainerUpdate{
				{Container: "podinfo", Current: ref("stefanprodan/podinfo:2.1.0"), Target: ref("stefanprodan/podinfo:2.1.3")},
				{Container: "sidecar", Current: ref("quay.io/acme/sidecar:1"), Target: ref("quay.io/acme/sidecar:2")},
			},
		},
		database: {Status: update.ReleaseStatusSkipped, Error: "no matching images"},
		helm:     {Status: update.ReleaseStatusFailed, Error: "cannot find <repository> & friends"},
	}
}

// of is an event as fluxd makes it: it always says info, and its id is 0.
func of(kind string, metadata event.EventMetadata, ids ...resource.ID) event.Event {
	return event.Event{
		ServiceIDs: ids,
		Type:       kind,
		StartedAt:  started,
		EndedAt:    ended,
		LogLevel:   event.LogLevelInfo,
		Metadata:   metadata,
	}
}

var commits int

func commit(kind string, spec interface{}, result update.Result, ids ...resource.ID) event.Event {
	// Every push has a revision of its own; two events with one revision would be taken for a resent one.
	commits++
	return of(event.EventCommit, &event.CommitEventMetadata{
		Revision: fmt.Sprintf("d644e1a05db6881abf0cdb78299917b95f44203%d", commits),
		Spec:     &update.Spec{Type: kind, Cause: cause, Spec: spec},
		Result:   result,
	}, ids...)
}

func common(result update.Result) event.ReleaseEventCommon {
	return event.ReleaseEventCommon{
		Revision: "a644e1a05db6881abf0cdb78299917b95f442036",
		Result:   result,
		Error:    result.Error(),
	}
}

// events holds every type of event, in the shapes in which fluxd 1.x sends them.
func events() []event.Event {
	imageSpec := update.ReleaseImageSpec{
		ServiceSpecs: []update.ResourceSpec{update.ResourceSpecAll},
		ImageSpec:    update.ImageSpecLatest,
		Kind:         update.ReleaseKindExecute,
		Excludes:     []resource.ID{database},
	}
	containersSpec := update.ReleaseContainersSpec{
		Kind: update.ReleaseKindExecute,
		ContainerSpecs: map[resource.ID][]update.ContainerUpdate{
			podinfo: {{Container: "podinfo", Current: ref("stefanprodan/podinfo:2.1.0"), Target: ref("stefanprodan/podinfo:2.1.3")}},
		},
		SkipMismatches: true,
	}
	automated := update.Automated{}
	automated.Add(podinfo, resource.Container{Name: "podinfo", Image: ref("stefanprodan/podinfo:2.1.0")}, ref("stefanprodan/podinfo:2.1.3"))

	withMessage := of(event.EventSync, &event.SyncEventMetadata{}, podinfo)
	withMessage.Message = "a sentence of its own"
	withMessage.LogLevel = event.LogLevelError

	return []event.Event{
		of(event.EventSync, &event.SyncEventMetadata{
			Commits:     []event.Commit{{Revision: "7b3a9f5c1d2e4f60718293a4b5c6d7e8f9012345", Message: "Add podinfo"}},
			Includes:    map[string]bool{event.NoneOfTheAbove: true},
			InitialSync: true,
		}, podinfo, namespace, helm),
		of(event.EventSync, &event.SyncEventMetadata{
			Commits: []event.Commit{
				{Revision: "3333333333333333333333333333333333333333", Message: "Release <podinfo> & co\n\nwith a body ✓"},
				{Revision: "2222222222222222222222222222222222222222", Message: "Automated: demo:deployment/podinfo"},
				{Revision: "1111111111111111111111111111111111111111", Message: ""},
			},
			Includes: map[string]bool{event.EventRelease: true, event.EventAutoRelease: true, event.EventUpdatePolicy: true},
			Errors: []event.ResourceError{
				{ID: podinfo, Path: "demo/podinfo.yaml", Error: "running kubectl: The Deployment \"podinfo\" is invalid: spec.selector: Invalid value"},
				{ID: nameless, Path: "demo/broken.yaml", Error: "resource name may not be empty"},
				{ID: resource.ID{}, Path: "", Error: "no id at all"},
			},
		}, podinfo, database, nameless, legacy),
		of(event.EventSync, &event.SyncEventMetadata{Revs: []string{"4444444444444444444444444444444444444444"}}),
		withMessage,
		of(event.EventSync, &event.SyncEventMetadata{}, resource.ID{}),

		commit(update.Policy, resource.PolicyUpdates{
			podinfo: {
				Add:    policy.Set{policy.Automated: "true", policy.TagPrefix("podinfo"): "semver:~2.1"},
				Remove: policy.Set{policy.Locked: "true", policy.LockedMsg: "true"},
			},
			database: {Add: policy.Set{policy.Locked: "true", policy.LockedUser: cause.User, policy.LockedMsg: "do not touch"}},
		}, update.Result{podinfo: {Status: update.ReleaseStatusSuccess}}, podinfo, database),
		commit(update.Images, imageSpec, result(), podinfo),
		commit(update.Containers, containersSpec, result(), podinfo),
		commit(update.Auto, automated, result(), podinfo),
		commit(update.Sync, update.ManualSync{}, nil),

		of(event.EventRelease, &event.ReleaseEventMetadata{
			ReleaseEventCommon: common(result()),
			Spec:               event.ReleaseSpec{Type: event.ReleaseImageSpecType, ReleaseImageSpec: &imageSpec},
			Cause:              cause,
		}, podinfo),
		of(event.EventRelease, &event.ReleaseEventMetadata{
			ReleaseEventCommon: common(result()),
			Spec:               event.ReleaseSpec{Type: event.ReleaseContainersSpecType, ReleaseContainersSpec: &containersSpec},
		}, podinfo, helm),
		of(event.EventAutoRelease, &event.AutoReleaseEventMetadata{
			ReleaseEventCommon: common(result()),
			Spec:               automated,
		}, podinfo),

		of(event.EventAutomate, nil, podinfo),
		of(event.EventDeautomate, nil, podinfo),
		of(event.EventLock, nil, podinfo, database),
		of(event.EventUnlock, nil, database),
		of(event.EventUpdatePolicy, nil, podinfo),
		of("of_the_future", event.UnknownEventMetadata{"depth": 1, "list": []interface{}{"a", nil, true}}, podinfo),
	}
}

// describe is Flux's own line about an event, as a receiver that decodes it has it; where Flux cannot decode what
// it sent (malformed ids), as the sender has it. Empty where Flux panics, as it does for an empty id.
func describe(e event.Event) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	var decoded event.Event
	body, err := json.Marshal(e)
	if err == nil && json.Unmarshal(body, &decoded) == nil {
		return decoded.String()
	}
	return e.String()
}
