// Command podgroups reads objects as JSON, one a line, and says how each fits the type that its scheduler has for it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	coscheduling "sigs.k8s.io/scheduler-plugins/apis/scheduling/v1alpha1"
	volcano "volcano.sh/apis/pkg/apis/scheduling/v1beta1"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(verdict(lines.Bytes()))
	}
}

// verdict is "fits", or the first thing that does not.
func verdict(object []byte) string {
	var head struct{ APIVersion, Kind string }
	if err := json.Unmarshal(object, &head); err != nil {
		return err.Error()
	}
	kinds := map[string]any{
		"scheduling.volcano.sh/v1beta1 PodGroup": &volcano.PodGroup{},
		"scheduling.x-k8s.io/v1alpha1 PodGroup":  &coscheduling.PodGroup{},
	}
	kind := kinds[head.APIVersion+" "+head.Kind]
	if kind == nil {
		return "no type for " + head.APIVersion + " " + head.Kind
	}
	strict := json.NewDecoder(bytes.NewReader(object))
	strict.DisallowUnknownFields()
	if err := strict.Decode(kind); err != nil {
		return err.Error()
	}
	return "fits"
}
