# Sourced: . infra/dev/emulators/env.sh 4566   (4566 LocalStack, 4567 MiniStack)
# Points every AWS client of this shell (cdklocal, aws, the Go SDK, tests) at an emulator on this machine, and away from AWS.

export AWS_ENDPOINT_URL="http://127.0.0.1:${1:-4566}"
export AWS_ENDPOINT_URL_S3="$AWS_ENDPOINT_URL"
export AWS_S3_FORCE_PATH_STYLE=1 # cdklocal: bucket names are no host names here
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test # account 000000000000
export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true
# Nothing of a real account may slip in.
unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
# No calls home from the CDK command line.
export CDK_DISABLE_TELEMETRY=1 CDK_DISABLE_CLI_TELEMETRY=true CDK_DISABLE_VERSION_CHECK=true CDK_NOTICES=false
