package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// The time that Argo CD gives a script.
const scriptTimeout = time.Second

// Of the os library a script sees these only.
var safeOsFunctions = []string{"date", "time"}

func openSafeOs(state *lua.LState) int {
	lua.OpenOs(state)
	module := state.Get(-1).(*lua.LTable)
	var others []lua.LValue
	module.ForEach(func(name, _ lua.LValue) {
		for _, safe := range safeOsFunctions {
			if name.String() == safe {
				return
			}
		}
		others = append(others, name)
	})
	for _, name := range others {
		module.RawSet(name, lua.LNil)
	}
	return 1
}

// The libraries that Argo CD opens for scripts of its ConfigMap: neither string nor math is among them.
var libraries = []struct {
	name string
	open lua.LGFunction
}{
	{lua.LoadLibName, lua.OpenPackage},
	{lua.BaseLibName, lua.OpenBase},
	{lua.TabLibName, lua.OpenTable},
	{lua.OsLibName, openSafeOs},
}

// Runs a script with the object in the global `obj` and returns what it returns, which must be a table.
func runLua(script string, object map[string]any) (any, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range libraries {
		call := lua.P{Fn: state.NewFunction(library.open), NRet: 0, Protect: true}
		if err := state.CallByParam(call, lua.LString(library.name)); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptTimeout)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return nil, fmt.Errorf("the script returns %s, not a table", returned.Type())
	}
	text, err := luajson.Encode(returned)
	if err != nil {
		return nil, err
	}
	var value any
	return value, json.Unmarshal(text, &value)
}

func toLua(state *lua.LState, value any) lua.LValue {
	switch typed := value.(type) {
	case map[string]any:
		table := state.CreateTable(0, len(typed))
		for key, item := range typed {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	case []any:
		table := state.CreateTable(len(typed), 0)
		for _, item := range typed {
			table.Append(toLua(state, item))
		}
		return table
	case int64:
		return lua.LNumber(typed)
	default:
		return luajson.DecodeValue(state, value)
	}
}

// Lua has one kind of table: an empty map comes back as an empty list. Argo CD puts right what was a map before.
func likeBefore(after, before any) any {
	switch now := after.(type) {
	case map[string]any:
		if was, isMap := before.(map[string]any); isMap {
			for key := range now {
				now[key] = likeBefore(now[key], was[key])
			}
		}
	case []any:
		if was, isMap := before.(map[string]any); isMap && len(now) == 0 {
			return was
		}
		was, _ := before.([]any)
		for i := range min(len(now), len(was)) {
			now[i] = likeBefore(now[i], was[i])
		}
	}
	return after
}
