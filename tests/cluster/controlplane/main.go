// Command controlplane is one binary that behaves as kube-apiserver, kube-controller-manager,
// kube-scheduler or etcd, chosen by the name it was started under or by its first argument.
//
// One link step shares what the four have in common: the binary is a quarter of the size of four,
// and one build takes as long as that of kube-apiserver alone. kubectl is built from the same
// module as a program of its own: every start of this one readies all that servers need, and tests
// start kubectl many hundred times.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// Each runs one program with os.Args as that program would see it, and returns its exit code.
var programs = map[string]func() int{
	"certificates":            runCertificates,
	"etcd":                    runEtcd,
	"kube-apiserver":          func() int { return cli.Run(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() int { return cli.Run(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() int { return cli.Run(scheduler.NewSchedulerCommand()) },
}

func main() {
	name := filepath.Base(os.Args[0])
	run, known := programs[name]
	if !known && len(os.Args) > 1 {
		name = os.Args[1]
		run, known = programs[name]
		os.Args = append([]string{name}, os.Args[2:]...)
	}
	if !known {
		names := make([]string, 0, len(programs))
		for each := range programs {
			names = append(names, each)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "controlplane: %q is none of its programs: start it under one of these names, or name one first: %s\n",
			name, strings.Join(names, ", "))
		os.Exit(2)
	}
	os.Exit(run())
}

func runEtcd() int {
	etcdmain.Main(os.Args) // It ends the process itself when it fails.
	return 0
}
