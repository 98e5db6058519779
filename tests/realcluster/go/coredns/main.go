// Command coredns serves the names of the test cluster's services and pods, and nothing else.
package main

import (
	"github.com/coredns/coredns/coremain"

	// A plugin is known to the Corefile as soon as its package is imported.
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

func main() {
	coremain.Run()
}
