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

// where says which deployment's credentials to work on.
type where struct{ table, outputs, stack *string }

func whereFlags(f *flag.FlagSet) where {
	return where{
		table:   f.String("table", "", "`name` of the credentials table (default: from -outputs, else $"+tableEnv+")"),
		outputs: f.String("outputs", "", "`file` written by cdk deploy --outputs-file"),
		stack:   f.String("stack", "", "`name` of the stack in -outputs, if there are several"),
	}
}

// open opens the table that the flags or the environment name.
func (w where) open(ctx context.Context, op operator) (auth.Directory, error) {
	table := *w.table
	if table == "" && *w.outputs != "" {
		var err error
		if table, err = stackOutput(*w.outputs, *w.stack, credentialsOutput); err != nil {
			return nil, err
		}
	}
	if table == "" {
		table = op.getenv(tableEnv)
	}
	if table == "" {
		return nil, errors.New("which credentials table? Give -table, -outputs or $" + tableEnv)
	}
	return op.credentials(ctx, table)
}
