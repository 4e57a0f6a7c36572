// Package tables makes the project's tables, empty and for a while, on an emulator
// of DynamoDB: LocalStack on this machine, or the one that AWS_ENDPOINT_URL names.
package tables

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"runlease/shared/awsclient"
	"runlease/shared/dynamo"
)

// Patience is how long a call may take that makes or deletes a table.
const Patience = time.Minute

// Getenv is the environment with LocalStack's values where it says nothing.
func Getenv(getenv func(string) string) func(string) string {
	return func(name string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return map[string]string{
			"AWS_REGION":            "us-east-1",
			"AWS_ACCESS_KEY_ID":     "test",
			"AWS_SECRET_ACCESS_KEY": "test",
			"AWS_ENDPOINT_URL":      "http://127.0.0.1:4566",
		}[name]
	}
}

// Config is that of the functions' clients, with the patience that making a table takes.
func Config(getenv func(string) string) (aws.Config, error) {
	cfg, err := awsclient.FromEnv(Getenv(getenv))
	transport := awsclient.Transport()
	transport.ResponseHeaderTimeout = Patience
	cfg.HTTPClient = &http.Client{Transport: transport}
	return cfg, err //nolint:wrapcheck // it names the variable
}

// Schema is the keys of a table and its indexes.
type Schema struct {
	Hash, Range string // Range empty: there is none
	Indexes     []Index
}

// Index is a global secondary index. An item is in it if it has both keys.
type Index struct {
	Name, Hash, Range string
	Only              []string // attributes beside the keys; nil: it holds whole items
}

// Schemas are those of the tables that have a name, by it.
func Schemas(t dynamo.Tables) map[string]Schema {
	all := map[string]Schema{
		t.Jobs: {Hash: dynamo.JobsKey, Indexes: []Index{
			{dynamo.OpenIndex, dynamo.OpenHash, dynamo.OpenRange, []string{}}, {dynamo.FinalIndex, dynamo.FinalHash, dynamo.FinalRange, []string{}},
		}},
		t.Problems:    {Hash: dynamo.ProblemsKey, Range: dynamo.ProblemsRange, Indexes: []Index{{dynamo.NowIndex, dynamo.ProblemsRange, dynamo.ProblemsKey, []string{dynamo.NowProjected}}}},
		t.Credentials: {Hash: dynamo.CredentialsKey, Indexes: []Index{{dynamo.ListIndex, dynamo.ListHash, dynamo.ListRange, nil}}},
		t.Fleet:       {Hash: dynamo.FleetKey, Range: dynamo.FleetRange},
		t.Doorbell:    {Hash: dynamo.DoorbellKey},
	}
	delete(all, "")
	return all
}

// Make makes the tables that have a name, and waits until they are there.
func Make(ctx context.Context, db *dynamodb.Client, t dynamo.Tables) error {
	for name, s := range Schemas(t) {
		in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest}
		kind := types.ScalarAttributeTypeS
		if name == t.Problems {
			kind = types.ScalarAttributeTypeN
		}
		key := func(hash, sort string) (schema []types.KeySchemaElement) {
			for i, name := range []string{hash, sort} {
				if name == "" {
					continue
				}
				schema = append(schema, types.KeySchemaElement{AttributeName: &name, KeyType: []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}[i]})
				if !slices.ContainsFunc(in.AttributeDefinitions, func(d types.AttributeDefinition) bool { return *d.AttributeName == name }) {
					in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &name, AttributeType: kind})
				}
			}
			return schema
		}
		in.KeySchema = key(s.Hash, s.Range)
		for _, i := range s.Indexes {
			projects := &types.Projection{ProjectionType: types.ProjectionTypeAll}
			if i.Only != nil {
				projects.ProjectionType = types.ProjectionTypeKeysOnly
			}
			if len(i.Only) > 0 {
				projects.ProjectionType, projects.NonKeyAttributes = types.ProjectionTypeInclude, i.Only
			}
			in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
				IndexName: &i.Name, KeySchema: key(i.Hash, i.Range), Projection: projects,
			})
		}
		if _, err := db.CreateTable(ctx, in); err != nil {
			return fmt.Errorf("make table (`make localstack` starts an emulator): %w", err)
		}
		wait := dynamodb.NewTableExistsWaiter(db, func(o *dynamodb.TableExistsWaiterOptions) {
			o.MinDelay, o.MaxDelay = 100*time.Millisecond, time.Second
		})
		if err := wait.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &name}, Patience); err != nil {
			return fmt.Errorf("wait for table: %w", err)
		}
	}
	return nil
}

// Remove deletes them; one that is not there is no error.
func Remove(ctx context.Context, db *dynamodb.Client, t dynamo.Tables) error {
	var failures []error
	for name := range Schemas(t) {
		_, err := db.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &name})
		if gone := new(types.ResourceNotFoundException); !errors.As(err, &gone) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

// Named gives the tables that have a name one that nobody else has.
func Named(t dynamo.Tables) dynamo.Tables {
	suffix := "-" + strings.ToLower(rand.Text())
	for _, name := range []*string{&t.Jobs, &t.Problems, &t.Credentials, &t.Fleet, &t.Doorbell} {
		if *name != "" {
			*name += suffix
		}
	}
	return t
}

// For makes the tables of a test, which are deleted at its end.
func For(t testing.TB, names dynamo.Tables) dynamo.Tables {
	t.Helper()
	cfg, err := Config(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	db, made := dynamodb.NewFromConfig(cfg), Named(names)
	t.Cleanup(func() {
		if err := Remove(context.Background(), db, made); err != nil {
			t.Error(err)
		}
	})
	if err := Make(t.Context(), db, made); err != nil {
		t.Fatal(err)
	}
	return made
}
