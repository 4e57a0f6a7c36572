package main

import (
	"context"
	"errors"
	"flag"

	"runlease/shared/auth"
)

// token issues, lists and revokes credentials.
func token(ctx context.Context, op operator, args []string) error {
	return choose(ctx, op, "ctl token", []command{
		{"issue", "make a token and print it, once", tokenIssue},
		{"list", "print all credentials, without secrets", tokenList},
		{"revoke", "make a token useless, within 60 s", tokenRevoke},
	}, args)
}

// tableEnv names the credentials table where no flag does.
const tableEnv = "RUNLEASE_CREDENTIALS_TABLE"

// where says which deployment's table to work on.
type where struct {
	table, outputs, stack *string

	what, output, variable string
}

// whereFlags asks for a table (what) that is an output of the stack, or in a
// variable of the environment.
func whereFlags(f *flag.FlagSet, what, output, variable string) where {
	return where{
		table:   f.String("table", "", "`name` of the "+what+" table (default: from -outputs, else $"+variable+")"),
		outputs: f.String("outputs", "", "`file` written by cdk deploy --outputs-file"),
		stack:   f.String("stack", "", "`name` of the stack in -outputs, if there are several"),
		what:    what, output: output, variable: variable,
	}
}

// name is the table that the flags or the environment name.
func (w where) name(op operator) (string, error) {
	table := *w.table
	if table == "" && *w.outputs != "" {
		return stackOutput(*w.outputs, *w.stack, w.output)
	}
	if table == "" {
		table = op.getenv(w.variable)
	}
	if table == "" {
		return "", errors.New("which " + w.what + " table? Give -table, -outputs or $" + w.variable)
	}
	return table, nil
}

func credentialsFlags(f *flag.FlagSet) where {
	return whereFlags(f, "credentials", credentialsOutput, tableEnv)
}

// openDirectory opens the credentials of a deployment.
func openDirectory(ctx context.Context, op operator, at where) (auth.Directory, error) {
	table, err := at.name(op)
	if err != nil {
		return nil, err
	}
	return op.credentials(ctx, table)
}
