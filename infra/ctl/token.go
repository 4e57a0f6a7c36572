package main

import (
	"context"
	"flag"

	"runlease/shared/auth"
)

// token issues, lists and revokes credentials.
func token(ctx context.Context, op operator, args []string) error {
	return choose(ctx, op, "ctl token", []command{
		{"issue", "make a token and print it, once, or write it to a file", tokenIssue},
		{"list", "print all credentials, without secrets", tokenList},
		{"revoke", "make a token useless, within 60 s", tokenRevoke},
	}, args)
}

// tableEnv names the credentials table where no flag does.
const tableEnv = "RUNLEASE_CREDENTIALS_TABLE"

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
