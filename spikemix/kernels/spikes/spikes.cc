namespace spikemix {}
