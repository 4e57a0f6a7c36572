package main

import (
	"context"
	"flag"

	"runlease/shared/auth"
	"runlease/shared/durable/control"
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

// place is where credentials are kept: a deployment's table, or the folder of an
// embedded server.
type place struct {
	where
	data *string
}

// placeFlags asks for a table as whereFlags does, or for a folder.
func placeFlags(f *flag.FlagSet, what, output, variable string) place {
	return place{whereFlags(f, what, output, variable), f.String("data", "", "data `folder` of an embedded server, whether it runs or not, in place of a deployment")}
}

func credentialsFlags(f *flag.FlagSet) place {
	return placeFlags(f, "credentials", credentialsOutput, tableEnv)
}

// openDirectory opens the credentials of a deployment or of a folder. They must be
// closed: a folder is of one process at a time.
func openDirectory(ctx context.Context, op operator, at place) (auth.Directory, func() error, error) {
	if *at.data != "" {
		folder, err := control.Open(ctx, *at.data)
		if err != nil {
			return nil, nil, err
		}
		return folder, folder.Close, nil
	}
	table, err := at.name(op)
	if err != nil {
		return nil, nil, err
	}
	directory, err := op.credentials(ctx, table)
	return directory, func() error { return nil }, err
}
