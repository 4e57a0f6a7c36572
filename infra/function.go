package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"runlease/infra/grants"
	"runlease/shared/deployment"
	"runlease/shared/dispatch"
	"runlease/shared/dynamo"
)

// resources are what functions may be granted something on.
type resources struct {
	tables tables
	queues queues
	bucket awss3.Bucket
	bell   *doorbell // nil if there is none
}

func (r resources) arn(of grants.Resource) *string {
	switch of {
	case grants.Queue: // of each pool: arns
	case grants.Jobs:
		return r.tables.jobs.TableArn()
	case grants.FinalJobs:
		return jsii.String(*r.tables.jobs.TableArn() + "/index/" + dynamo.FinalIndex)
	case grants.OpenJobs:
		return jsii.String(*r.tables.jobs.TableArn() + "/index/" + dynamo.OpenIndex)
	case grants.JobsStream:
		return r.tables.jobs.TableStreamArn()
	case grants.Fleet:
		return r.tables.fleet.TableArn()
	case grants.Webhooks:
		return r.tables.webhooks.TableArn()
	case grants.Announcements:
		return r.queues.announcements.QueueArn()
	case grants.DeadAnnounced:
		return r.queues.deadAnnounced.QueueArn()
	case grants.Problems:
		return r.tables.problems.TableArn()
	case grants.ListedProblems:
		return jsii.String(*r.tables.problems.TableArn() + "/index/" + dynamo.NowIndex)
	case grants.Credentials:
		return r.tables.credentials.TableArn()
	case grants.PoolQueues:
		return r.queues.anyPool
	case grants.DeadLetterQueue:
		return r.queues.deadLetter.QueueArn()
	case grants.Code:
		return r.bucket.ArnForObjects(jsii.String(dispatch.CodePrefix + "*"))
	case grants.Testdata:
		return r.bucket.ArnForObjects(jsii.String(dispatch.TestdataPrefix + "*"))
	case grants.Results:
		return r.bucket.ArnForObjects(jsii.String(dispatch.ResultsPrefix + "*"))
	case grants.Bucket:
		return r.bucket.BucketArn()
	case grants.Doorbell:
		return r.tables.doorbell.TableArn()
	case grants.Rings:
		return r.bell.connections("POST")
	case grants.Lines:
		return r.bell.connections("DELETE")
	case grants.Metrics:
		return jsii.String("*")
	}
	panic("no ARN for " + string(of))
}

// arns has one entry except for grants.Queue, which is the queue of each pool.
func (r resources) arns(of grants.Resource) []*string {
	if of != grants.Queue {
		return []*string{r.arn(of)}
	}
	var all []*string
	for _, queue := range r.queues.bells() {
		all = append(all, queue.QueueArn())
	}
	return all
}

func (r resources) value(variable string) *string {
	switch variable {
	case grants.EnvJobs:
		return r.tables.jobs.TableName()
	case grants.EnvProblems:
		return r.tables.problems.TableName()
	case grants.EnvCredentials:
		return r.tables.credentials.TableName()
	case grants.EnvQueue:
		return r.queues.jobs.QueueUrl()
	case grants.EnvDeadLetterQueue:
		return r.queues.deadLetter.QueueUrl()
	case grants.EnvFleet:
		return r.tables.fleet.TableName()
	case grants.EnvWebhooks:
		return r.tables.webhooks.TableName()
	case grants.EnvAnnouncements:
		return r.queues.announcements.QueueUrl()
	case grants.EnvDeadAnnounced:
		return r.queues.deadAnnounced.QueueUrl()
	case grants.EnvBucket:
		return r.bucket.BucketName()
	case grants.EnvBucketHost:
		return r.bucket.BucketRegionalDomainName()
	case grants.EnvDoorbellTable:
		return r.tables.doorbell.TableName()
	case grants.EnvDoorbellPosts:
		return jsii.String(r.bell.posts)
	case grants.EnvDoorbellURL:
		return jsii.String(r.bell.url)
	}
	panic("no value for " + variable)
}

// newFunctions makes every function of the grants table and returns the functions that are
// watched, by name: all but HoldPools. CloudFormation calls that one, and the stack's events
// show when it fails.
func newFunctions(parent constructs.Construct, s settings, r resources) map[string]awslambda.Function {
	scope := constructs.NewConstruct(parent, jsii.String("Functions"))
	granted := s.granted()
	scope.Node().AddDependency(newHold(parent, s, r, granted[grants.HoldPools]))
	delete(granted, grants.HoldPools)
	functions := make(map[string]awslambda.Function, len(granted))
	for _, name := range slices.Sorted(maps.Keys(granted)) {
		functions[name] = newFunction(scope, name, s, r, granted[name])
	}
	// During an upgrade the function that takes the tag off is there before the one
	// that lets it be put on.
	functions["put-problem"].Node().AddDependency(functions["publish-problem"])
	return functions
}

// newFunction is the only place where a Lambda is defined.
func newFunction(parent constructs.Construct, name string, s settings, r resources, granted []grants.Grant) awslambda.Function {
	scope := constructs.NewConstruct(parent, jsii.String(name))
	log := awslogs.NewLogGroup(scope, jsii.String("Log"), &awslogs.LogGroupProps{
		Retention:     s.stage.logRetention,
		RemovalPolicy: s.stage.removal(),
	})

	// Its own role with its own inline policy: no managed policy, which would
	// let it write to every log group of the account.
	statements := []awsiam.PolicyStatement{allow([]*string{log.LogGroupArn()}, "logs:CreateLogStream", "logs:PutLogEvents")}
	for _, g := range granted {
		statements = append(statements, allow(r.arns(g.Resource), g.Actions...))
	}
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		InlinePolicies: &map[string]awsiam.PolicyDocument{
			"grants": awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &statements}),
		},
	})

	size := deployment.SizeOf(name)
	env := map[string]*string{
		"RUNLEASE_STAGE": jsii.String(s.metricStage()),
		// A function's heap is a few MB, and by default it is collected whenever it
		// has doubled: a third of the CPU of a warm request. It may grow fivefold,
		// as long as that stays well below the function's memory.
		"GOGC":       jsii.String("400"),
		"GOMEMLIMIT": jsii.String(fmt.Sprintf("%dMiB", size.MemoryMB*3/4)),
	}
	for _, variable := range grants.Env(granted) {
		env[variable] = r.value(variable)
	}
	if len(s.pools) > 0 && grants.KnowsPools(name) {
		env[grants.EnvPoolQueues] = jsii.String(r.queues.ofPools())
	}
	if !s.watch {
		env[grants.EnvNoMetrics] = jsii.String("true")
	}
	if s.codeAsObjects && name == grants.CreateJob {
		env[grants.EnvCodeAsObjects] = jsii.String("true")
	}
	if name == grants.Announce && s.webhookHosts != "" {
		env["RUNLEASE_WEBHOOK_HOSTS"] = jsii.String(s.webhookHosts)
	}
	if s.endpoint != "" {
		env["AWS_ENDPOINT_URL"] = jsii.String(s.endpoint)
		env["AWS_ENDPOINT_URL_S3"] = jsii.String(s.endpoint)
	}

	architecture := awslambda.Architecture_ARM_64()
	if s.arch == "x86_64" {
		architecture = awslambda.Architecture_X86_64()
	}
	function := awslambda.NewFunction(scope, jsii.String("Function"), &awslambda.FunctionProps{
		// The one physical name of the stack: events, logs and `aws lambda
		// invoke` speak of functions by name, and nothing that we change in a
		// function makes CloudFormation replace it.
		FunctionName:          jsii.String(s.stackName() + "-" + name),
		Description:           jsii.String(s.label() + ": " + name),
		Runtime:               awslambda.Runtime_PROVIDED_AL2023(),
		Handler:               jsii.String("bootstrap"),
		Code:                  awslambda.Code_FromAsset(jsii.String(filepath.Join(s.binaries(), name)), nil),
		Architecture:          architecture,
		MemorySize:            jsii.Number(size.MemoryMB),
		Timeout:               awscdk.Duration_Seconds(jsii.Number(size.Timeout.Seconds())),
		Role:                  role,
		Environment:           &env,
		LogGroup:              log,
		LoggingFormat:         awslambda.LoggingFormat_JSON,
		ApplicationLogLevelV2: s.stage.appLogLevel,
		SystemLogLevelV2:      s.stage.systemLogLevel,
	})
	// So that `sam local invoke ClaimJob` can be written down, and so that
	// moving a construct never makes a second function of the same name.
	function.Node().DefaultChild().(awslambda.CfnFunction).OverrideLogicalId(jsii.String(logicalID(name)))
	return function
}

// logicalID is a function's name in the template: ClaimJob for claim-job.
func logicalID(name string) string {
	var id strings.Builder
	for _, word := range strings.Split(name, "-") {
		id.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return id.String()
}

func allow(resources []*string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings(actions...),
		Resources: &resources,
	})
}

// granted are the functions of the deployment, with what each may do.
func (s settings) granted() map[string][]grants.Grant {
	granted := grants.WithoutDoorbell()
	if s.doorbell {
		granted = grants.All()
	}
	if !s.watch {
		granted = grants.WithoutMetrics(granted)
	}
	return granted
}

func (s settings) binaries() string { return filepath.Join(s.functions, archFolders[s.arch]) }

// checkBinaries fails when a function has no binary, with one error that names
// all of them, and when a folder would not run on Lambda as it is: its files go
// into the zip with their modes, and Lambda starts them as another user.
func checkBinaries(s settings) error {
	var missing []string
	names := slices.Sorted(maps.Keys(s.granted()))
	for _, name := range names {
		folder := filepath.Join(s.binaries(), name)
		path := filepath.Join(folder, "bootstrap")
		switch info, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist), err == nil && !info.Mode().IsRegular():
			missing = append(missing, name)
			continue
		case err != nil:
			return fmt.Errorf("look for the functions' binaries: %w", err)
		case info.Mode().Perm()&0o555 != 0o555:
			return fmt.Errorf("%s has mode %v and would not start on Lambda: chmod 755 %s, or make build", path, info.Mode().Perm(), path)
		}
		files, err := os.ReadDir(folder)
		if err != nil {
			return fmt.Errorf("look for the functions' binaries: %w", err)
		}
		for _, file := range files {
			if file.Name() != "bootstrap" {
				return fmt.Errorf("%s would be deployed with the function: delete it", filepath.Join(folder, file.Name()))
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("run make build: %d of %d functions have no %s: %s",
			len(missing), len(names), filepath.Join(s.binaries(), "<function>", "bootstrap"), strings.Join(missing, ", "))
	}
	return nil
}
