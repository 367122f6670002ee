@echo off
rem Makes .venv beside this file on the first call, with hash-checked dependencies, and then runs the
rem installed console command "absolute". The twin of the POSIX file "absolute"; the stamp here is a
rem copy of the lock, written last, so that an interrupted installation is simply done again.
setlocal EnableExtensions DisableDelayedExpansion
set "ROOT=%~dp0"
set "VENV=%ROOT%.venv"
set "PYTHON=%VENV%\Scripts\python.exe"
set "WANTED=run"
set "FIRST=%~1"
if /i "%FIRST%"=="--lang" set "FIRST=%~3"
for %%C in (test check bench) do if /i "%FIRST%"=="%%C" set "WANTED=develop"
set "LOCK=%ROOT%requirements\%WANTED%.txt"
set "STAMP=%VENV%\absolute-%WANTED%.stamp"

if exist "%VENV%\Scripts\absolute.exe" if exist "%STAMP%" fc /b "%LOCK%" "%STAMP%" >nul 2>&1 && goto start

if exist "%PYTHON%" goto install
set "BASE="
for %%P in ("%ABSOLUTE_PYTHON%" "py -3.13" "py -3.12" "py -3.11" "py -3" "python3" "python") do (
  if not defined BASE if not "%%~P"=="" (
    %%~P -c "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))" >nul 2>&1 && set "BASE=%%~P"
  )
)
if not defined BASE (
  echo absolute: Python 3.11 or newer with venv and pip is needed and none was found; install it or set ABSOLUTE_PYTHON 1>&2
  exit /b 2
)
%BASE% -m venv "%VENV%" 1>&2 || exit /b 2

:install
echo absolute: first run or something changed, installing (about 60 s) 1>&2
del /q "%VENV%\absolute-*.stamp" >nul 2>&1
set "PIP_USER=0"
set "PIP_DISABLE_PIP_VERSION_CHECK=1"
set "PIP_NO_INPUT=1"
"%PYTHON%" -m pip install --quiet --require-hashes -r "%LOCK%" 1>&2 || exit /b 1
"%PYTHON%" -m pip install --quiet --no-deps --no-build-isolation -e "%ROOT%." 1>&2 || exit /b 1
if "%WANTED%"=="develop" copy /y "%ROOT%requirements\run.txt" "%VENV%\absolute-run.stamp" >nul
copy /y "%LOCK%" "%STAMP%" >nul

:start
"%VENV%\Scripts\absolute.exe" %*
exit /b %ERRORLEVEL%
