package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
)

// restorable is a DynamoDB that restores a table as AWS does: after a while,
// and without the settings of the old one.
type restorable struct {
	tables map[string]*restoredTable
	asked  *dynamodb.RestoreTableToPointInTimeInput
	fails  error // of the next setting
}

type restoredTable struct {
	ttl                  string
	protected, recovered bool
	stream               types.StreamViewType
	tags                 map[string]string
	ready                time.Time
}

func newRestorable() *restorable {
	return &restorable{tables: map[string]*restoredTable{"jobs": {
		ttl: "ttl", protected: true, recovered: true, stream: types.StreamViewTypeNewAndOldImages, tags: map[string]string{"project": "runlease", "aws:cloudformation:stack-name": "runlease-prod"},
	}}}
}

func (r *restorable) get(name *string) (*restoredTable, error) {
	if t := r.tables[*name]; t != nil {
		return t, nil
	}
	return nil, &types.ResourceNotFoundException{}
}

func (r *restorable) DescribeTable(_ context.Context, in *dynamodb.DescribeTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error) {
	t, err := r.get(in.TableName)
	if err != nil {
		return nil, err
	}
	status, items := types.TableStatusActive, int64(7)
	if time.Now().Before(t.ready) {
		status = types.TableStatusCreating
	}
	d := &types.TableDescription{TableStatus: status, ItemCount: &items, TableArn: in.TableName, DeletionProtectionEnabled: &t.protected}
	if t.stream != "" {
		d.StreamSpecification = &types.StreamSpecification{StreamEnabled: new(true), StreamViewType: t.stream}
	}
	return &dynamodb.DescribeTableOutput{Table: d}, nil
}

func (r *restorable) DescribeTimeToLive(_ context.Context, in *dynamodb.DescribeTimeToLiveInput, _ ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error) {
	t, err := r.get(in.TableName)
	if err != nil {
		return nil, err
	}
	d := &types.TimeToLiveDescription{TimeToLiveStatus: types.TimeToLiveStatusDisabled}
	if t.ttl != "" {
		d = &types.TimeToLiveDescription{TimeToLiveStatus: types.TimeToLiveStatusEnabled, AttributeName: &t.ttl}
	}
	return &dynamodb.DescribeTimeToLiveOutput{TimeToLiveDescription: d}, nil
}

func (r *restorable) ListTagsOfResource(_ context.Context, in *dynamodb.ListTagsOfResourceInput, _ ...func(*dynamodb.Options)) (*dynamodb.ListTagsOfResourceOutput, error) {
	out := &dynamodb.ListTagsOfResourceOutput{}
	for key, value := range r.tables[*in.ResourceArn].tags {
		out.Tags = append(out.Tags, types.Tag{Key: &key, Value: &value})
	}
	return out, nil
}

func (r *restorable) RestoreTableToPointInTime(_ context.Context, in *dynamodb.RestoreTableToPointInTimeInput, _ ...func(*dynamodb.Options)) (*dynamodb.RestoreTableToPointInTimeOutput, error) {
	if r.tables[*in.TargetTableName] != nil {
		return nil, &types.TableAlreadyExistsException{}
	}
	r.asked = in
	r.tables[*in.TargetTableName] = &restoredTable{ready: time.Now().Add(5 * time.Minute), tags: map[string]string{}}
	return &dynamodb.RestoreTableToPointInTimeOutput{}, nil
}

// set changes a table, which AWS takes only once it is ready.
func (r *restorable) set(name *string, change func(*restoredTable)) error {
	t, err := r.get(name)
	if err == nil && time.Now().Before(t.ready) {
		err = &types.ResourceInUseException{}
	}
	if err = errors.Join(err, r.fails); err != nil {
		return err
	}
	change(t)
	return nil
}

func (r *restorable) UpdateTimeToLive(_ context.Context, in *dynamodb.UpdateTimeToLiveInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateTimeToLiveOutput, error) {
	if t := r.tables[*in.TableName]; t != nil && t.ttl != "" {
		return nil, errors.New("TimeToLive is already enabled")
	}
	return nil, r.set(in.TableName, func(t *restoredTable) { t.ttl = *in.TimeToLiveSpecification.AttributeName })
}

func (r *restorable) UpdateContinuousBackups(_ context.Context, in *dynamodb.UpdateContinuousBackupsInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateContinuousBackupsOutput, error) {
	return nil, r.set(in.TableName, func(t *restoredTable) { t.recovered = *in.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled })
}

func (r *restorable) UpdateTable(_ context.Context, in *dynamodb.UpdateTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateTableOutput, error) {
	return nil, r.set(in.TableName, func(t *restoredTable) {
		t.protected = *in.DeletionProtectionEnabled
		if *in.StreamSpecification.StreamEnabled {
			t.stream = in.StreamSpecification.StreamViewType
		}
	})
}

func (r *restorable) TagResource(_ context.Context, in *dynamodb.TagResourceInput, _ ...func(*dynamodb.Options)) (*dynamodb.TagResourceOutput, error) {
	return nil, r.set(in.ResourceArn, func(t *restoredTable) {
		for _, tag := range in.Tags {
			t.tags[*tag.Key] = *tag.Value
		}
	})
}

// ctl runs restore as a shell would.
func (r *restorable) ctl(ctx context.Context, args ...string) (stdout, stderr string, exit int) {
	var out, errs bytes.Buffer
	exit = run(ctx, operator{out: &out, err: &errs, recovery: func(context.Context) (recovery, error) { return r, nil }}, append([]string{"restore"}, args...))
	return out.String(), errs.String(), exit
}

// TestARestoredTableHasTheOldOnesSettings also when the command was interrupted.
func TestARestoredTableHasTheOldOnesSettings(t *testing.T) {
	want := &restoredTable{ttl: "ttl", protected: true, recovered: true, stream: types.StreamViewTypeNewAndOldImages, tags: map[string]string{"project": "runlease"}}
	for name, interrupt := range map[string]func(t *testing.T, r *restorable){
		"at once": nil,
		"while it waits": func(t *testing.T, r *restorable) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, errs, exit := r.ctl(ctx, "-from", "jobs", "-into", "jobs-2"); exit != 1 || !strings.Contains(errs, "-finish") {
				t.Errorf("interrupted: exit %d, %q", exit, errs)
			}
		},
		"while it sets": func(t *testing.T, r *restorable) {
			r.fails = errors.New("away")
			if _, errs, exit := r.ctl(t.Context(), "-from", "jobs", "-into", "jobs-2"); exit != 1 || !strings.Contains(errs, "-finish: set the time to live: away") {
				t.Errorf("interrupted: exit %d, %q", exit, errs)
			}
			r.fails = nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRestorable()
				args := []string{"-from", "jobs", "-into", "jobs-2", "-at", "2026-11-28T08:00:00Z"}
				if interrupt != nil {
					interrupt(t, r)
					args = append(args, "-finish")
				}
				out, errs, exit := r.ctl(t.Context(), args...)
				if exit != 0 || out != `{"from":"jobs","items":7,"table":"jobs-2"}`+"\n" {
					t.Fatalf("exit %d, %q, %q", exit, out, errs)
				}
				got := *r.tables["jobs-2"]
				got.ready = time.Time{}
				if diff := cmp.Diff(want, &got, cmp.AllowUnexported(restoredTable{})); diff != "" {
					t.Errorf("settings (-want +got):\n%s", diff)
				}
				if interrupt == nil && r.asked.RestoreDateTime.Format(time.RFC3339) != "2026-11-28T08:00:00Z" {
					t.Errorf("restored as of %v", r.asked.RestoreDateTime)
				}
			})
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	for _, tc := range []struct {
		args string
		exit int
		want string
	}{
		{"-from jobs -into jobs", 2, "two different names"},
		{"-from jobs -into x -at yesterday", 2, "want a moment such as"},
		{"-from gone -into x", 1, "look at gone"},
	} {
		if out, errs, exit := newRestorable().ctl(t.Context(), strings.Fields(tc.args)...); exit != tc.exit || out != "" || !strings.Contains(errs, tc.want) {
			t.Errorf("%s: exit %d, %q, %q; want %d and %q", tc.args, exit, out, errs, tc.exit, tc.want)
		}
	}
	r := newRestorable()
	r.tables["there"] = &restoredTable{}
	if _, errs, exit := r.ctl(t.Context(), "-from", "jobs", "-into", "there"); exit != 1 || !strings.Contains(errs, "-finish") || r.tables["there"].ttl != "" {
		t.Errorf("onto another table: exit %d, %q", exit, errs)
	}
}
