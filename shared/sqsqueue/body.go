package sqsqueue

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"runlease/shared/job"
)

// body is what a message says, as JSON: {"job":"<id>","bell":<number>}. The
// group is SQS's own attribute.
type body struct {
	Job  string `json:"job"`
	Bell int64  `json:"bell"`
}

var (
	errNoJSON = errors.New("not the JSON of a message")
	errNoJob  = errors.New("no job id")
	errNoBell = errors.New("no bell")
)

func encode(m job.Message) (string, error) {
	text, err := json.Marshal(body{m.Job, m.Bell})
	return string(text), err
}

// decode reads a message as SQS gave it out. It is strict about what it needs,
// but not about fields that it does not know: while two versions of the code
// run, the older one must not dead-letter the newer one's messages.
func decode(m types.Message) (job.Received, error) {
	var b body
	if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &b); err != nil {
		return job.Received{}, errNoJSON // err itself may quote the body
	}
	switch {
	case !job.ValidID(b.Job): // not sent by us
		return job.Received{}, errNoJob
	case b.Bell < 1:
		return job.Received{}, errNoBell
	}
	receives, err := attribute(m, types.MessageSystemAttributeNameApproximateReceiveCount)
	if err != nil {
		return job.Received{}, err
	}
	sent, err := attribute(m, types.MessageSystemAttributeNameSentTimestamp)
	if err != nil {
		return job.Received{}, err
	}
	return job.Received{
		Message: job.Message{
			Job: b.Job, Bell: b.Bell,
			Group: m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)],
		},
		Handle:   aws.ToString(m.ReceiptHandle),
		Receives: int(receives),
		SentAt:   job.Time(sent),
	}, nil
}

func attribute(m types.Message, name types.MessageSystemAttributeName) (int64, error) {
	n, err := strconv.ParseInt(m.Attributes[string(name)], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("attribute %s: %w", name, err)
	}
	return n, nil
}
