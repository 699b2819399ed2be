package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"proxyfilter/integration/rig"
)

// sample is how the processes are at one moment.
type sample struct {
	memory        float64 // MiB of proxyfilter, resident
	descriptors   float64
	goroutines    float64
	conversations float64
	smtpds        int // processes of the first Postfix that are, or were, with a client
}

// take asks proxyfilter and the kernel.
func take(ctx context.Context, s *rig.Site) (sample, error) {
	series, err := metrics(ctx, s.Filter.Status)
	if err != nil {
		return sample{}, err
	}
	all, err := s.Postfix.Processes()
	if err != nil {
		return sample{}, err
	}
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Filter.PID()))
	if err != nil {
		return sample{}, err
	}
	smtpds := len(slices.DeleteFunc(all, func(p rig.Process) bool { return p.Name != "smtpd" }))
	return sample{
		memory: series["process_resident_memory_bytes"] / (1 << 20), descriptors: float64(len(descriptors)),
		goroutines: series["go_goroutines"], conversations: series["proxyfilter_conversations"], smtpds: smtpds,
	}, nil
}

// metrics reads the series without labels.
func metrics(ctx context.Context, address string) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	defer response.Body.Close()
	series := make(map[string]float64)
	for in := bufio.NewScanner(response.Body); in.Scan(); {
		name, value, _ := strings.Cut(in.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			series[name] = v
		}
	}
	return series, nil
}

// watch takes samples until the context ends.
func watch(ctx context.Context, s *rig.Site, every time.Duration) ([]sample, error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var all []sample
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return all, nil
		}
		one, err := take(ctx, s)
		if err != nil && ctx.Err() == nil {
			return all, err
		}
		if err == nil {
			all = append(all, one)
		}
	}
}

// thirds are the medians of one figure in the first and in the last third of
// the samples.
func thirds(all []sample, of func(sample) float64) (first, last float64) {
	if len(all) == 0 {
		return 0, 0
	}
	third := (len(all) + 2) / 3
	return median(values(all[:third], of)), median(values(all[len(all)-third:], of))
}

func values(all []sample, of func(sample) float64) []float64 {
	list := make([]float64, len(all))
	for i, s := range all {
		list[i] = of(s)
	}
	return list
}

func median(list []float64) float64 { return quantile(list, 0.5) }

// quantile is 0 for an empty list.
func quantile(list []float64, q float64) float64 {
	if len(list) == 0 {
		return 0
	}
	list = slices.Sorted(slices.Values(list))
	return list[min(len(list)-1, int(q*float64(len(list))))]
}
