package api

import (
	"net/http"

	"runlease/shared/dispatch"
	"runlease/shared/job"
)

// The codes of the edge. Those of jobs and problems come from packages job and
// dispatch.
const (
	unknownRoute         job.Outcome = "unknown_route"
	methodNotAllowed     job.Outcome = "method_not_allowed"
	invalidRunnerToken   job.Outcome = "invalid_runner_token"
	missingRunnerName    job.Outcome = "missing_runner_name"
	runnerNameMismatch   job.Outcome = "runner_name_mismatch"
	invalidProducerToken job.Outcome = "invalid_producer_token"
	missingScope         job.Outcome = "missing_scope"     // detail: the scope
	tooManyRequests      job.Outcome = "too_many_requests" // with Retry-After
	malformedID          job.Outcome = "malformed_id"      // detail: where
	malformedJSON        job.Outcome = "malformed_json"
	bodyTooLarge         job.Outcome = "body_too_large" // detail: the cap
	unsupportedMediaType job.Outcome = "unsupported_media_type"
	missingBody          job.Outcome = "missing_body"
	missingTasksOrToken  job.Outcome = "missing_tasks_or_token"
	missingToken         job.Outcome = "missing_token"
	invalidBody          job.Outcome = "invalid_body"   // detail: JSON path and what is wanted there
	invalidLimit         job.Outcome = "invalid_limit"  // detail: the bounds
	invalidFilter        job.Outcome = "invalid_filter" // detail: the parameter and what is wanted
	invalidLanguages     job.Outcome = "invalid_languages"
	invalidPools         job.Outcome = "invalid_pools"   // detail: the pools that the token allows
	invalidVersion       job.Outcome = "invalid_version" // detail: the bounds
	invalidCase          job.Outcome = "invalid_case"    // detail: the bounds
	invalidReason        job.Outcome = "invalid_reason"  // detail: the legal ones
	internalError        job.Outcome = "internal_error"
)

type refusal struct {
	status  int
	message string
}

// refusals is the one table from code to status and text. Clients match these
// texts: they may be added to, not changed.
var refusals = map[job.Outcome]refusal{
	unknownRoute:         {http.StatusNotFound, "no such route"},
	methodNotAllowed:     {http.StatusMethodNotAllowed, "method not allowed"},
	invalidRunnerToken:   {http.StatusForbidden, "invalid runner token"},
	missingRunnerName:    {http.StatusBadRequest, "missing runner name"},
	runnerNameMismatch:   {http.StatusForbidden, "runner token belongs to another runner name"},
	invalidProducerToken: {http.StatusUnauthorized, "invalid token"},
	missingScope:         {http.StatusForbidden, "token has no such scope"},
	tooManyRequests:      {http.StatusTooManyRequests, "too many requests"},
	malformedID:          {http.StatusBadRequest, "malformed id"},
	malformedJSON:        {http.StatusBadRequest, "malformed JSON"},
	bodyTooLarge:         {http.StatusRequestEntityTooLarge, "body too large"},
	unsupportedMediaType: {http.StatusUnsupportedMediaType, "unsupported media type: want application/json"},
	missingBody:          {http.StatusBadRequest, "missing JSON body"},
	missingTasksOrToken:  {http.StatusBadRequest, "missing tasks or token"},
	missingToken:         {http.StatusBadRequest, "missing token"},
	invalidBody:          {http.StatusBadRequest, "invalid body"},
	invalidLimit:         {http.StatusBadRequest, "invalid limit"},
	invalidFilter:        {http.StatusBadRequest, "invalid filter"},
	invalidLanguages:     {http.StatusBadRequest, "invalid languages"},
	invalidPools:         {http.StatusBadRequest, "invalid pools"},
	invalidVersion:       {http.StatusBadRequest, "invalid version"},
	invalidCase:          {http.StatusBadRequest, "invalid task or case"},
	invalidReason:        {http.StatusBadRequest, "invalid reason"},
	internalError:        {http.StatusInternalServerError, "internal error"},

	job.NotFound:           {http.StatusNotFound, "submission not found"},
	job.NotPending:         {http.StatusConflict, "submission is not pending"},
	job.AlreadyClaimed:     {http.StatusConflict, "already claimed by another runner"},
	job.Unfit:              {http.StatusConflict, "this runner cannot judge the submission"},
	job.JobPaused:          {http.StatusConflict, "submission is paused"},
	job.Barred:             {http.StatusConflict, "this runner gets no jobs"},
	job.PassedOver:         {http.StatusConflict, "given back by this runner a moment ago, others come first"},
	job.NotClaimed:         {http.StatusForbidden, "not claimed by this runner"},
	job.InvalidToken:       {http.StatusForbidden, "invalid submission token"},
	job.ResultConflict:     {http.StatusConflict, "another result was accepted"},
	job.JobCancelled:       {http.StatusConflict, "submission is cancelled"},
	dispatch.UnknownPool:   {http.StatusUnprocessableEntity, "no such pool"},
	job.JobConflict:        {http.StatusConflict, "submission exists with other content"},
	job.JobFinished:        {http.StatusConflict, "submission is finished"},
	job.NotSubmitted:       {http.StatusConflict, "submission was never queued"},
	job.GenerationConflict: {http.StatusConflict, "submission has another generation"},

	dispatch.NotFinal:         {http.StatusConflict, "submission is not final"},
	dispatch.CodeNotFound:     {http.StatusNotFound, "code not found"},
	dispatch.TestdataNotFound: {http.StatusNotFound, "testdata not found"},
	dispatch.OutputsNotFound:  {http.StatusNotFound, "outputs not found"},
	dispatch.ProblemNotFound:  {http.StatusNotFound, "problem not found"},
	dispatch.VersionNotFound:  {http.StatusNotFound, "problem version not found"},
	dispatch.InvalidResult:    {http.StatusBadRequest, "invalid result"},
	dispatch.InvalidCursor:    {http.StatusBadRequest, "invalid cursor"},
	dispatch.InvalidLease:     {http.StatusBadRequest, "invalid leaseSeconds"},
	dispatch.OutputsTooLarge:  {http.StatusBadRequest, "outputs too large"},
	dispatch.OutputsMismatch:  {http.StatusBadRequest, "uploaded outputs have another size or hash"},
	dispatch.InvalidCode:      {http.StatusUnprocessableEntity, "code cannot be judged"},
	dispatch.InvalidTestdata:  {http.StatusUnprocessableEntity, "test data does not fit the tasks"},
	dispatch.RunnerNotFound:   {http.StatusNotFound, "runner not found"},
	dispatch.PoolNotFound:     {http.StatusNotFound, "pool not found"},
	dispatch.NotPaused:        {http.StatusConflict, "not paused"},
	dispatch.TooManyPauses:    {http.StatusConflict, "too many pauses"},
	dispatch.RejudgeNotFound:  {http.StatusNotFound, "rejudge not found"},
	dispatch.RejudgeRunning:   {http.StatusConflict, "another rejudge of this problem is running"},
	dispatch.RejudgeState:     {http.StatusConflict, "the rejudge's state does not allow this"},
	dispatch.RunnerState:      {http.StatusConflict, "the runner's state does not allow this"},
	dispatch.UploadMissing:    {http.StatusConflict, "not uploaded"},
	dispatch.UploadMismatch:   {http.StatusConflict, "uploaded bytes have another size or hash"},
}
